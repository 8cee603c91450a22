import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

export interface SealOptions {
  /** The variable that the secret comes from, for messages. */
  variable: string
  /** One or more, separated by commas, of 32 characters or more: the first seals, all open, so that it can be changed. */
  secret: string
  /** Keeps texts that were sealed for one thing from being taken for another. */
  purpose: string
}

/** Encrypts what a database alone must not give away: AES-256-GCM, with a key derived from a secret. */
export class Seal {
  readonly #variable: string
  readonly #keys: Buffer[]

  /** @throws Error for a secret that is too short */
  constructor({ variable, secret, purpose }: SealOptions) {
    this.#variable = variable
    const secrets = secret.split(',').map((part) => part.trim())
    if (secrets.some((part) => part.length < 32)) throw new Error(`${variable} needs 32 characters or more.`)
    this.#keys = secrets.map((part) => Buffer.from(hkdfSync('sha256', part, '', purpose, 32)))
  }

  /** @param context what the text belongs to; it opens only with the same */
  seal(text: string, context: string): string {
    const iv = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', this.#keys[0] ?? '', iv).setAAD(Buffer.from(context))
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
    return Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64')
  }

  /** @throws Error when it was sealed with another secret, for something else, or was changed */
  open(sealed: string, context: string): string {
    const bytes = Buffer.from(sealed, 'base64')
    for (const key of this.#keys) {
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12), { authTagLength: 16 })
        decipher.setAAD(Buffer.from(context)).setAuthTag(bytes.subarray(12, 28))
        return decipher.update(bytes.subarray(28), undefined, 'utf8') + decipher.final('utf8')
      } catch {
        // Perhaps with the next one.
      }
    }
    throw new Error(`A sealed text does not open: ${this.#variable} is not the one that it was sealed with.`)
  }
}
