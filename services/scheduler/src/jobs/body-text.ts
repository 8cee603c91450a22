import { isUtf8 } from 'node:buffer'

/** A body as JSON can carry it. */
export interface BodyText {
  text: string
  encoding: 'utf-8' | 'base64'
}

/**
 * Text where a body is one; anything else in base64, so that nothing of it is lost.
 *
 * @param isTruncated there was more of it, so that the last character may not be whole: then it is left out
 */
export function bodyText(body: Buffer, isTruncated: boolean): BodyText {
  const whole = isTruncated ? withoutBrokenEnd(body) : body
  return isUtf8(whole)
    ? { text: whole.toString(), encoding: 'utf-8' }
    : { text: body.toString('base64'), encoding: 'base64' }
}

function withoutBrokenEnd(body: Buffer): Buffer {
  const isContinuation = (at: number) => ((body[at] ?? 0) & 0xc0) === 0x80
  let start = body.length - 1
  // The first byte of a character tells how many follow: three at most.
  while (start > body.length - 4 && isContinuation(start)) start--
  const first = body[start] ?? 0
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1
  return start + length > body.length ? body.subarray(0, start) : body
}
