import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'

/**
 * Writes and reads short tokens that clients send back as they are: cursors, anchors. They are opaque to clients, and
 * signed, so that only tokens of this service are accepted.
 */
export class SignedTokens {
  readonly #key: KeyObject

  constructor(secret: string) {
    this.#key = createSecretKey(secret, 'utf8')
  }

  /** @param purpose the one use that the token has, such as a list's name: it is valid for no other */
  write(purpose: string, values: readonly unknown[]): string {
    const text = Buffer.from(JSON.stringify([purpose, ...values])).toString('base64url')
    return [text, this.#sign(text)].join('.')
  }

  /** @returns the values, or undefined for a token that this service did not write for this purpose */
  read(purpose: string, token: string): unknown[] | undefined {
    const [text = '', signature = '', ...more] = token.split('.')
    const given = Buffer.from(signature)
    const expected = Buffer.from(this.#sign(text))
    const isOurs = more.length === 0 && given.length === expected.length && timingSafeEqual(given, expected)
    if (!isOurs) return undefined
    const [ofPurpose, ...values]: unknown[] = JSON.parse(Buffer.from(text, 'base64url').toString())
    return ofPurpose === purpose ? values : undefined
  }

  #sign(text: string): string {
    return createHmac('sha256', this.#key).update(text).digest('base64url')
  }
}
