import { describe, expect, it } from '@jest/globals'
import sharp from 'sharp'
import { thumbHashToApproximateAspectRatio } from 'thumbhash'
import { deriveThumbnail, MAX_PHOTO_BYTES } from '../../src/media/thumbnails.ts'

const red = { r: 200, g: 30, b: 30 }
const picture = (width: number, height: number) => sharp({ create: { width, height, channels: 3, background: red } })

describe('a thumbnail', () => {
  it.each([
    ['jpeg', 1_600, 900, 320, 180],
    ['png', 900, 1_600, 180, 320],
    ['webp', 5_000, 5, 320, 1],
    ['gif', 100, 50, 100, 50],
    ['avif', 640, 640, 320, 320],
  ] as const)('of a %s of %i × %i is a WebP of %i × %i', async (format, width, height, ...size) => {
    const photo = await picture(width, height).toFormat(format).toBuffer()
    const thumbnail = await deriveThumbnail(photo)
    expect([thumbnail?.width, thumbnail?.height]).toEqual(size)
    const metadata = await sharp(thumbnail?.bytes).metadata()
    expect([metadata.format, metadata.width, metadata.height]).toEqual(['webp', ...size])
  })

  it('is turned as the camera was, and says nothing of the place or the device', async () => {
    const photo = await picture(800, 400)
      .jpeg()
      .withExif({ IFD0: { Make: 'Robot', Orientation: '6' }, IFD3: { GPSLatitude: '59/1 54/1 0/1' } })
      .withMetadata({ orientation: 6 })
      .toBuffer()
    expect((await sharp(photo).metadata()).orientation).toBe(6)
    const thumbnail = await deriveThumbnail(photo)
    expect([thumbnail?.width, thumbnail?.height]).toEqual([160, 320])
    const { exif, icc, xmp, orientation } = await sharp(thumbnail?.bytes).metadata()
    expect([exif, icc, xmp, orientation]).toEqual([undefined, undefined, undefined, undefined])
  })

  it('comes with a ThumbHash of its proportions', async () => {
    const thumbnail = await deriveThumbnail(await picture(1_600, 800).jpeg().toBuffer())
    const hash = Buffer.from(thumbnail?.thumbHash ?? '', 'base64')
    expect(hash.length).toBeLessThan(26)
    expect(thumbHashToApproximateAspectRatio(hash)).toBeGreaterThan(1.5)
  })

  it('of nothing but bytes, a page, a drawing or a part of a photo does not exist', async () => {
    const photo = await picture(800, 800).jpeg().toBuffer()
    const inputs = [
      Buffer.alloc(0),
      Buffer.from('no photo'),
      Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"/>'),
      photo.subarray(0, photo.length / 2),
      Buffer.concat([photo.subarray(0, 20), Buffer.alloc(1_000)]),
      Buffer.from('\0\0\0\x20ftypheic\0\0\0\0', 'latin1'),
    ]
    for (const input of inputs) expect(await deriveThumbnail(input)).toBeUndefined()
  })

  it('is not derived from a picture of too many pixels or bytes', async () => {
    const bomb = await picture(8_000, 8_000).png().toBuffer()
    expect(bomb.length).toBeLessThan(MAX_PHOTO_BYTES)
    expect(await deriveThumbnail(bomb)).toBeUndefined()
    const padded = Buffer.concat([await picture(10, 10).jpeg().toBuffer(), Buffer.alloc(MAX_PHOTO_BYTES)])
    expect(await deriveThumbnail(padded)).toBeUndefined()
  })
})
