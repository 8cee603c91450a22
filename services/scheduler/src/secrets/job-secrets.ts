import type { AnswerSeal } from '@platform/http/idempotency.ts'
import { Seal } from '@platform/seal/seal.ts'

/** A job's headers as they are stored: sealed, but for their names, which answers show. */
export interface SealedHeaders {
  names: string[]
  sealed: string
}

/** Rows that were written before there was a seal have their headers as they are. */
export type StoredHeaders = SealedHeaders | Record<string, string>

const isSealed = (stored: StoredHeaders): stored is SealedHeaders => Array.isArray(stored.names)

export const namesOf = (stored: StoredHeaders): string[] => (isSealed(stored) ? stored.names : Object.keys(stored))

/** Says that what follows is sealed, and how. A signing secret in clear text begins with `whsec_`. */
const VERSION = 'v1.'
const MAX_KNOWN = 10_000

/**
 * Keeps the secrets of jobs out of the database: the headers that their targets ask for, and what accounts sign with.
 * What is there in clear text from earlier is read as it is.
 */
export class JobSecrets {
  readonly #headers: Seal
  readonly #signing: Seal
  readonly #answers: Seal
  /** Opened signing secrets, by their sealed form: an account's are needed for each of its requests. */
  readonly #known = new Map<string, string>()

  /** @param secret JOB_SECRETS_KEY: one or more, separated by commas */
  constructor(secret: string) {
    const variable = 'JOB_SECRETS_KEY'
    this.#headers = new Seal({ variable, secret, purpose: 'scheduler headers' })
    this.#signing = new Seal({ variable, secret, purpose: 'scheduler signing secrets' })
    this.#answers = new Seal({ variable, secret, purpose: 'scheduler answers' })
  }

  sealHeaders(jobId: string, headers: Record<string, string>): SealedHeaders {
    const sealed = VERSION + this.#headers.seal(JSON.stringify(headers), jobId)
    return { names: Object.keys(headers), sealed }
  }

  /** Headers that are in clear text get sealed; the others stay. */
  resealHeaders(jobId: string, stored: StoredHeaders): SealedHeaders {
    return isSealed(stored) ? stored : this.sealHeaders(jobId, stored)
  }

  /** @throws Error when they were sealed with another secret, or for another job */
  openHeaders(jobId: string, stored: StoredHeaders): Record<string, string> {
    if (!isSealed(stored)) return stored
    return JSON.parse(this.#headers.open(stored.sealed.slice(VERSION.length), jobId))
  }

  sealSigning(accountId: string, secret: string): string {
    return VERSION + this.#signing.seal(secret, accountId)
  }

  /** A secret in clear text gets sealed; another one stays. */
  resealSigning(accountId: string, stored: string): string {
    return stored.startsWith(VERSION) ? stored : this.sealSigning(accountId, stored)
  }

  /** @throws Error when it was sealed with another secret, or for another account */
  openSigning(accountId: string, stored: string): string {
    if (!stored.startsWith(VERSION)) return stored
    const key = `${accountId} ${stored}`
    const known = this.#known.get(key)
    if (known) return known
    const opened = this.#signing.open(stored.slice(VERSION.length), accountId)
    if (this.#known.size >= MAX_KNOWN) this.#known.clear()
    this.#known.set(key, opened)
    return opened
  }

  /** The form in which idempotency keys keep answers that show an account's signing secrets. */
  answerSeal(accountId: string): AnswerSeal {
    return {
      seal: (text) => this.#answers.seal(text, accountId),
      open: (text) => this.#answers.open(text, accountId),
    }
  }
}
