import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'
import { DomainError } from '@platform/http/errors.ts'
import { isUuid } from '@platform/http/schemas.ts'

/** Where a list goes on: after the entry with these sort values. */
export interface Position {
  createdAt: Date
  id: string
}

/** Writes and reads cursors: opaque to clients, and signed, so that only ours are taken. */
export class Cursors {
  readonly #key: KeyObject

  constructor(secret: string) {
    this.#key = createSecretKey(secret, 'utf8')
  }

  /** @param list what the cursor is good for, such as a comment's id: it fits no other list */
  write(list: string, { createdAt, id }: Position): string {
    const text = Buffer.from(JSON.stringify([list, createdAt.getTime(), id])).toString('base64url')
    return [text, this.#sign(text)].join('.')
  }

  /** @throws DomainError `validation` for a cursor that is not ours, or another list's */
  read(list: string, cursor: string): Position {
    const [text = '', signature = '', ...more] = cursor.split('.')
    const given = Buffer.from(signature)
    const expected = Buffer.from(this.#sign(text))
    const isOurs = more.length === 0 && given.length === expected.length && timingSafeEqual(given, expected)
    const position = isOurs ? parse(list, Buffer.from(text, 'base64url').toString()) : undefined
    if (!position) throw new DomainError('validation', 'query.after is not a cursor of this list')
    return position
  }

  #sign(text: string): string {
    return createHmac('sha256', this.#key).update(text).digest('base64url')
  }
}

function parse(list: string, text: string): Position | undefined {
  const [ofList, time, id]: unknown[] = JSON.parse(text)
  if (ofList !== list || typeof time !== 'number' || typeof id !== 'string' || !isUuid(id)) return undefined
  return { createdAt: new Date(time), id }
}
