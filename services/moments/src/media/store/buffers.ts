import { TRAILER_BYTES } from './object-file.ts'

/** Room for content in a buffer: large enough that the calls to the system cost little, small enough for many clients at once. */
export const BUFFER_BYTES = 524_288

const KEPT = 16
// A new buffer for every transfer costs more than the transfer itself: the system clears its pages first.
const free: Buffer[] = []

/** Returns a buffer with room for content and a trailer behind it. */
export function takeBuffer(): Buffer {
  return free.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES + TRAILER_BYTES)
}

/** For a buffer that no call to the system uses any more. */
export function giveBackBuffer(buffer: Buffer): void {
  if (free.length < KEPT) free.push(buffer)
}
