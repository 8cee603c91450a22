import type { Caller } from '@platform/http/assertion.ts'

/** What a credential was found to be. */
export interface Verdict {
  caller: Caller
  /** What the rate limit counts by. */
  limit: { by: 'user' | 'key'; id: string }
  /** No longer good from this moment on; null: no end. */
  expiresAt: Date | null
  /** `KIND:ID` of everything that it rests on: when one of these changes, it is to be found out anew. */
  restsOn: string[]
}

interface Entry {
  verdict: Verdict
  /** When it was begun to be found out, by the monotonic clock. */
  foundAt: number
  /** When it was last moved to the end of those who leave, by the same. */
  movedAt: number
}

/** How long something may be believed while nobody can say that it has changed. */
const UNHEARD_MS = 1_000
const CAPACITY = 20_000
/** Moving an entry at each use would cost more than the rest of looking it up. */
const MOVE_AFTER_MS = 1_000

/**
 * Remembers verdicts by the hash of the credential, the least recently used ones leaving first. A verdict is believed
 * while it is known that all revocations have been heard, and for a second otherwise.
 */
export class Verdicts {
  readonly #entries = new Map<string, Entry>()
  readonly #underway = new Map<string, Promise<Verdict>>()
  readonly #heardUntil: () => number
  readonly #clock: () => Date
  #changes = 0

  /** @param heardUntil up to when all invalidations are known, by the monotonic clock */
  constructor(heardUntil: () => number, clock: () => Date) {
    this.#heardUntil = heardUntil
    this.#clock = clock
  }

  /** The verdict for a hash, if it is there and may still be believed. */
  find(hash: string): Verdict | undefined {
    const entry = this.#entries.get(hash)
    if (!entry) return undefined
    const { verdict } = entry
    const now = performance.now()
    const isHeard = Math.max(entry.foundAt, this.#heardUntil()) > now - UNHEARD_MS
    if (!isHeard || (verdict.expiresAt && verdict.expiresAt <= this.#clock())) {
      this.#entries.delete(hash)
      return undefined
    }
    if (now - entry.movedAt > MOVE_AFTER_MS) {
      entry.movedAt = now
      this.#entries.delete(hash)
      this.#entries.set(hash, entry)
    }
    return verdict
  }

  /** Finds out, once for all who ask at the same time. What changed meanwhile is not remembered. */
  resolve(hash: string, findOut: () => Promise<Verdict>): Promise<Verdict> {
    const underway = this.#underway.get(hash)
    if (underway) return underway
    const work = this.#remember(hash, findOut).finally(() => {
      if (this.#underway.get(hash) === work) this.#underway.delete(hash)
    })
    this.#underway.set(hash, work)
    return work
  }

  async #remember(hash: string, findOut: () => Promise<Verdict>): Promise<Verdict> {
    const changes = this.#changes
    const foundAt = performance.now()
    const verdict = await findOut()
    if (changes === this.#changes) {
      this.#entries.set(hash, { verdict, foundAt, movedAt: foundAt })
      if (this.#entries.size > CAPACITY) this.#entries.delete(this.#entries.keys().next().value ?? '')
    }
    return verdict
  }

  /** Forgets every verdict that rests on `KIND:ID`. */
  forget(what: string): void {
    this.#changed()
    for (const [hash, { verdict }] of this.#entries) {
      if (verdict.restsOn.includes(what)) this.#entries.delete(hash)
    }
  }

  forgetAll(): void {
    this.#changed()
    this.#entries.clear()
  }

  #changed(): void {
    this.#changes++
    // Who asks from now on must not be given what began before the change.
    this.#underway.clear()
  }
}
