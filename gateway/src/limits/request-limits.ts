import type pg from 'pg'
import type { RateLimits } from '../config.ts'
import type { Verdict } from '../credentials/verdicts.ts'
import { addressBlock } from './address.ts'
import { type RateLimit, rateLimit, type Standing } from './rate-limiter.ts'

const SECONDS = 60

/** What everybody may ask for in a minute: by address before anything else is looked at, then by user or key. */
export class RequestLimits {
  readonly #address: RateLimit | undefined
  readonly #caller: Record<Verdict['limit']['by'], RateLimit | undefined>

  /** @param pool counts for all replicas together; in memory when absent */
  constructor({ address, user, key }: RateLimits, pool: pg.Pool | undefined) {
    this.#address = rateLimit({ name: 'address', points: address, seconds: SECONDS, pool })
    this.#caller = {
      user: rateLimit({ name: 'user', points: user, seconds: SECONDS, pool }),
      key: rateLimit({ name: 'key', points: key, seconds: SECONDS, pool }),
    }
  }

  /** @throws DomainError `rate_limited` */
  takeForAddress(address: string): Promise<Standing> | undefined {
    return this.#address?.consume(addressBlock(address))
  }

  /** @throws DomainError `rate_limited` */
  takeForCaller({ limit: { by, id } }: Verdict): Promise<Standing> | undefined {
    return this.#caller[by]?.consume(id)
  }
}
