import type { IncomingMessage } from 'node:http'
import { DomainError } from '@platform/http/errors.ts'

export const tooLarge = () =>
  new DomainError('payload_too_large', 'The body is too large.', { headers: { Connection: 'close' } })

/** Our own routes take small bodies, which nobody has to send in chunks. */
export const lengthNeeded = () =>
  new DomainError('validation', 'A body needs a Content-Length.', { status: 411, headers: { Connection: 'close' } })

/**
 * Collects a body whose length was not said beforehand. A service gets it with its length: passed on in chunks it would
 * cost a new connection, and could not be counted before it is there.
 *
 * @param limit in bytes
 * @throws DomainError `payload_too_large`, `validation` when the client breaks off
 */
export async function collectBody(req: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > limit) throw tooLarge()
      chunks.push(chunk)
    }
  } catch (error) {
    if (error instanceof DomainError) throw error
    throw new DomainError('validation', 'The body broke off.', { cause: error })
  }
  return Buffer.concat(chunks)
}
