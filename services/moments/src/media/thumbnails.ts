import sharp from 'sharp'
import { rgbaToThumbHash } from 'thumbhash'
import { OPAQUE_CONTENT_TYPE } from './content-types.ts'
import { sniffImage } from './sniff.ts'

/** Largest photo that a thumbnail is derived from. */
export const MAX_PHOTO_BYTES = 25 * 2 ** 20
/** Type of every thumbnail that is derived here. */
export const THUMBNAIL_CONTENT_TYPE = 'image/webp'

const LONGEST_SIDE = 320
const HASHED_SIDE = 100
const MAX_PIXELS = 50_000_000
const TIMEOUT_SECONDS = 20

/** A small picture of a photo, and the hash that a client paints before it loads the picture. */
export interface Thumbnail {
  /** WebP. */
  bytes: Buffer
  width: number
  height: number
  /** ThumbHash in base64. */
  thumbHash: string
}

// A process that serves requests gives one core to pictures, and keeps no cache of files that it sees once.
sharp.concurrency(1)
sharp.cache(false)

/**
 * Derives a thumbnail: the longest side is 320 px, the EXIF rotation is applied, and no metadata (place, device, time) is
 * left.
 *
 * @returns undefined when the input is no image that can be decoded, is truncated, or is larger than 25 MB or 50 megapixels
 */
export async function deriveThumbnail(photo: Uint8Array): Promise<Thumbnail | undefined> {
  // The decoder also reads SVG and others by their content; only photos get as far as it.
  if (photo.byteLength > MAX_PHOTO_BYTES || sniffImage(photo) === OPAQUE_CONTENT_TYPE) return undefined
  try {
    const { data, info } = await sharp(photo, { limitInputPixels: MAX_PIXELS, failOn: 'error' })
      .autoOrient()
      .resize({ width: LONGEST_SIDE, height: LONGEST_SIDE, fit: 'inside', withoutEnlargement: true })
      .webp({ quality: 75 })
      .timeout({ seconds: TIMEOUT_SECONDS })
      .toBuffer({ resolveWithObject: true })
    return { bytes: data, width: info.width, height: info.height, thumbHash: await thumbHashOf(data) }
  } catch {
    // Every reason is the same for the caller: this photo has no thumbnail.
    return undefined
  }
}

async function thumbHashOf(thumbnail: Buffer): Promise<string> {
  const { data, info } = await sharp(thumbnail)
    .resize({ width: HASHED_SIDE, height: HASHED_SIDE, fit: 'inside', withoutEnlargement: true })
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true })
  return Buffer.from(rgbaToThumbHash(info.width, info.height, data)).toString('base64')
}
