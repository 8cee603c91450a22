import { DomainError } from '@platform/http/errors.ts'
import type { Logger } from '@platform/log/logger.ts'
import type pg from 'pg'
import { type RateLimiterAbstract, RateLimiterMemory, RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible'

export interface RateLimitOptions {
  /** The policy's name, as clients see it. */
  name: string
  points: number
  seconds: number
  /** Counts in PostgreSQL, for all replicas together; in memory, for this one, when absent or while it is away. */
  pool?: pg.Pool
}

/** Where one client stands with one limit. */
export interface Standing {
  policy: string
  remaining: number
  seconds: number
}

/** One limit: so many points in so many seconds. */
export class RateLimit {
  readonly policy: string
  readonly #name: string
  readonly #limiter: RateLimiterAbstract

  constructor({ name, points, seconds, pool }: RateLimitOptions) {
    this.#name = name
    this.policy = `"${name}";q=${points};w=${seconds}`
    const common = { points, duration: seconds, keyPrefix: name }
    const memory = new RateLimiterMemory(common)
    this.#limiter = pool
      ? new RateLimiterPostgres({
          ...common,
          storeClient: pool,
          storeType: 'pool',
          tableName: 'rate_limit',
          tableCreated: true,
          inMemoryBlockOnConsumed: points + 1,
          insuranceLimiter: memory,
        })
      : memory
  }

  /**
   * Takes a point.
   *
   * @throws DomainError `rate_limited` with `Retry-After` and the standing
   */
  async consume(key: string): Promise<Standing> {
    try {
      const { remainingPoints, msBeforeNext } = await this.#limiter.consume(key)
      return { policy: this.policy, remaining: remainingPoints, seconds: Math.ceil(msBeforeNext / 1_000) }
    } catch (rejection) {
      if (!(rejection instanceof RateLimiterRes)) throw rejection
      const seconds = Math.max(1, Math.ceil(rejection.msBeforeNext / 1_000))
      const standing = { policy: this.policy, remaining: 0, seconds }
      throw new DomainError('rate_limited', `Too many requests; try again in ${seconds} s.`, {
        headers: { 'Retry-After': String(seconds), ...this.headers(standing) },
      })
    }
  }

  /** Gives a point back. */
  async giveBack(key: string): Promise<void> {
    await this.#limiter.reward(key)
  }

  /** The standard headers, as the IETF draft has them. */
  headers({ remaining, seconds }: Standing): { RateLimit: string; 'RateLimit-Policy': string } {
    return { RateLimit: `"${this.#name}";r=${remaining};t=${seconds}`, 'RateLimit-Policy': this.policy }
  }
}

/** A limit, or none where it is switched off. */
export function rateLimit(options: RateLimitOptions): RateLimit | undefined {
  return options.points > 0 ? new RateLimit(options) : undefined
}

const PURGE_BEHIND_MS = 3_600_000

/** Removes counters that nobody needs any more. */
export async function purgeRateLimits(pool: pg.Pool, log: Logger): Promise<void> {
  try {
    await pool.query('delete from rate_limit where expire < $1', [Date.now() - PURGE_BEHIND_MS])
  } catch (error) {
    log.warn('old rate limits were not removed', { error })
  }
}
