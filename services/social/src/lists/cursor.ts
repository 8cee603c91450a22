import { DomainError } from '@platform/http/errors.ts'
import { isUuid } from '@platform/http/schemas.ts'
import { SignedTokens } from '@platform/http/signed-token.ts'

/** Where a list goes on: after the entry with these sort values. */
export interface Position {
  createdAt: Date
  id: string
}

/** Writes and reads cursors: opaque to clients, and signed, so that only ours are taken. */
export class Cursors {
  readonly #tokens: SignedTokens

  constructor(secret: string) {
    this.#tokens = new SignedTokens(secret)
  }

  /** @param list what the cursor is good for, such as a comment's id: it fits no other list */
  write(list: string, { createdAt, id }: Position): string {
    return this.#tokens.write(list, [createdAt.getTime(), id])
  }

  /** @throws DomainError `validation` for a cursor that is not ours, or another list's */
  read(list: string, cursor: string): Position {
    const [time, id] = this.#tokens.read(list, cursor) ?? []
    if (typeof time !== 'number' || typeof id !== 'string' || !isUuid(id)) {
      throw new DomainError('validation', 'query.after is not a cursor of this list')
    }
    return { createdAt: new Date(time), id }
  }
}
