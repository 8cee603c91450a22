import { OPAQUE_CONTENT_TYPE } from './content-types.ts'

/** How many of a file's first bytes `matchesContentType` needs. */
export const SNIFF_BYTES = 32

const HEIC_BRANDS: ReadonlySet<string> = new Set(['heic', 'heix', 'heim', 'heis', 'hevc', 'hevx', 'mif1', 'msf1'])
const AVIF_BRANDS: ReadonlySet<string> = new Set(['avif', 'avis', 'mif1', 'msf1'])
// A QuickTime file may begin with any of these atoms; `ftyp` came later.
const QUICKTIME_ATOMS: ReadonlySet<string> = new Set(['ftyp', 'moov', 'mdat', 'wide', 'free', 'skip', 'pnot'])

/** First bytes as text: signatures are ASCII, and other bytes keep a character each. */
type Head = string

const MATCHERS: ReadonlyMap<string, (head: Head) => boolean> = new Map(
  Object.entries({
    'image/jpeg': (head: Head) => head.startsWith('\xff\xd8\xff'),
    'image/png': (head: Head) => head.startsWith('\x89PNG\r\n\x1a\n'),
    'image/gif': (head: Head) => head.startsWith('GIF87a') || head.startsWith('GIF89a'),
    'image/webp': (head: Head) => isRiff(head, 'WEBP'),
    'image/avif': (head: Head) => AVIF_BRANDS.has(brandOf(head)),
    'image/heic': (head: Head) => HEIC_BRANDS.has(brandOf(head)),
    'video/mp4': isTimedMedia,
    'video/quicktime': (head: Head) => QUICKTIME_ATOMS.has(head.slice(4, 8)) && !isStillBrand(brandOf(head)),
    'video/webm': (head: Head) => head.startsWith('\x1a\x45\xdf\xa3'),
    'audio/mpeg': (head: Head) => head.startsWith('ID3') || isMpegFrame(head),
    'audio/mp4': isTimedMedia,
    'audio/ogg': (head: Head) => head.startsWith('OggS'),
    'audio/wav': (head: Head) => isRiff(head, 'WAVE'),
  }),
)

/**
 * Returns true when a file that begins with `firstBytes` can be of this type. Types without a signature (text, JSON,
 * opaque bytes) match every file: browsers interpret none of them.
 *
 * @param firstBytes at least `SNIFF_BYTES` of them, or the whole of a shorter file
 */
export function matchesContentType(firstBytes: Uint8Array, contentType: string): boolean {
  const isMatch = MATCHERS.get(contentType)
  return isMatch === undefined || isMatch(toHead(firstBytes))
}

/** Returns the image type that the first bytes show, or `application/octet-stream`. */
export function sniffImage(firstBytes: Uint8Array): string {
  const head = toHead(firstBytes)
  const images = [...MATCHERS].filter(([contentType]) => contentType.startsWith('image/'))
  return images.find(([, isMatch]) => isMatch(head))?.[0] ?? OPAQUE_CONTENT_TYPE
}

function toHead(firstBytes: Uint8Array): Head {
  return Buffer.from(firstBytes.subarray(0, SNIFF_BYTES)).toString('latin1')
}

function isRiff(head: Head, form: string): boolean {
  return head.startsWith('RIFF') && head.slice(8, 12) === form
}

/** The major brand of an ISO base media file; empty for any other file. */
function brandOf(head: Head): string {
  return head.slice(4, 8) === 'ftyp' ? head.slice(8, 12) : ''
}

function isStillBrand(brand: string): boolean {
  return HEIC_BRANDS.has(brand) || AVIF_BRANDS.has(brand)
}

// Cameras write dozens of brands for the same container, so every brand passes that is not one of a still image.
function isTimedMedia(head: Head): boolean {
  const brand = brandOf(head)
  return brand !== '' && !isStillBrand(brand)
}

/** An MPEG audio frame's header: eleven set bits, then a layer, a bit rate and a sample rate that are not reserved. */
function isMpegFrame(head: Head): boolean {
  const [sync, second, third] = [head.charCodeAt(0), head.charCodeAt(1), head.charCodeAt(2)]
  if (sync !== 0xff || (second & 0xe0) !== 0xe0) return false
  // A text in UTF-16 begins with FF FE, too; the byte after it shows a reserved rate.
  const isReserved = (second & 0x18) === 0x08 || (second & 0x06) === 0 || third >> 4 === 0xf || (third & 0x0c) === 0x0c
  return !isReserved
}
