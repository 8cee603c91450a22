import type { ServerResponse } from 'node:http'
import type pg from 'pg'
import type { RateLimits } from '../config.ts'
import type { Verdict } from '../credentials/verdicts.ts'
import { addressBlock } from './address.ts'
import { type RateLimit, rateLimit } from './rate-limiter.ts'

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
  async takeForAddress(address: string, res: ServerResponse): Promise<void> {
    await take(this.#address, addressBlock(address), res)
  }

  /** The answer tells where the caller stands; that replaces what it would tell of the address. */
  async takeForCaller({ limit: { by, id } }: Verdict, res: ServerResponse): Promise<void> {
    await take(this.#caller[by], id, res)
  }
}

async function take(limit: RateLimit | undefined, key: string, res: ServerResponse): Promise<void> {
  if (!limit) return
  const headers = limit.headers(await limit.consume(key))
  res.setHeader('RateLimit-Policy', headers['RateLimit-Policy'])
  res.setHeader('RateLimit', headers.RateLimit)
}
