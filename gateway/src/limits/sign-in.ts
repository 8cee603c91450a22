import type pg from 'pg'
import type { RateLimits } from '../config.ts'
import { addressBlock } from './address.ts'
import { type RateLimit, rateLimit } from './rate-limiter.ts'

const SIGN_IN_SECONDS = 900
const SIGN_UP_SECONDS = 3_600
// Many people share an address, and one who guesses from many addresses must not lock an owner out at once.
const WIDER = 20

/** A sign-in that is under way; it counts unless it succeeds. */
export interface Attempt {
  succeeded(): Promise<void>
}

/** What slows down those who guess passwords or make accounts by the dozen. */
export class SignInLimits {
  readonly #pair: RateLimit | undefined
  readonly #address: RateLimit | undefined
  readonly #account: RateLimit | undefined
  readonly #signUp: RateLimit | undefined

  /** @param pool counts for all replicas; in memory when absent */
  constructor({ signIn, signUp }: RateLimits, pool: pg.Pool | undefined) {
    const seconds = SIGN_IN_SECONDS
    this.#pair = rateLimit({ name: 'sign-in', points: signIn, seconds, pool })
    this.#address = rateLimit({ name: 'sign-in-address', points: signIn * WIDER, seconds, pool })
    this.#account = rateLimit({ name: 'sign-in-account', points: signIn * WIDER, seconds, pool })
    this.#signUp = rateLimit({ name: 'sign-up', points: signUp, seconds: SIGN_UP_SECONDS, pool })
  }

  /**
   * Counts a try before it is made, so that many at once do not slip through.
   *
   * @throws DomainError `rate_limited`
   */
  async begin(email: string, address: string): Promise<Attempt> {
    const block = addressBlock(address)
    const counts: [RateLimit | undefined, string][] = [
      [this.#pair, `${block}|${email}`],
      [this.#address, block],
      [this.#account, email],
    ]
    for (const [limit, key] of counts) await limit?.consume(key)
    return {
      succeeded: async () => {
        for (const [limit, key] of counts) await limit?.giveBack(key)
      },
    }
  }

  /** @throws DomainError `rate_limited` */
  async signUp(address: string): Promise<void> {
    await this.#signUp?.consume(addressBlock(address))
  }
}
