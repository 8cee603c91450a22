import type { MediaKind } from '../db/schema.ts'

/** The files that a robot may upload as one kind of media. */
export interface UploadLimit {
  maxBytes: number
  contentTypes: readonly string[]
}

const MIB = 2 ** 20
const PICTURES = ['image/jpeg', 'image/png', 'image/webp', 'image/avif']

/** Types that browsers interpret as a page (HTML, SVG) are in none of the lists. */
export const UPLOAD_LIMITS: Readonly<Record<MediaKind, UploadLimit>> = {
  video: { maxBytes: 512 * MIB, contentTypes: ['video/mp4', 'video/webm', 'video/quicktime'] },
  image: { maxBytes: 50 * MIB, contentTypes: [...PICTURES, 'image/gif', 'image/heic'] },
  audio: { maxBytes: 64 * MIB, contentTypes: ['audio/mpeg', 'audio/mp4', 'audio/ogg', 'audio/wav'] },
  thumbnail: { maxBytes: 2 * MIB, contentTypes: PICTURES },
  metadata: { maxBytes: MIB, contentTypes: ['application/json', 'text/plain'] },
}
