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
  /** The limit's. */
  name: string
  policy: string
  remaining: number
  seconds: number
}

/** One limit: so many points in so many seconds. */
export class RateLimit {
  readonly #policy: string
  readonly #name: string
  readonly #limiter: RateLimiterAbstract

  constructor({ name, points, seconds, pool }: RateLimitOptions) {
    this.#name = name
    this.#policy = `"${name}";q=${points};w=${seconds}`
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
  consume(key: string): Promise<Standing> {
    return this.#limiter.consume(key).then(
      (result) => this.#standing(result),
      (rejection: unknown) => {
        if (!(rejection instanceof RateLimiterRes)) throw rejection
        const standing = this.#standing(rejection)
        const [policyName = '', policy = '', standingName = '', text = ''] = standingHeaders(standing)
        throw new DomainError('rate_limited', `Too many requests; try again in ${standing.seconds} s.`, {
          headers: { 'Retry-After': String(standing.seconds), [policyName]: policy, [standingName]: text },
        })
      },
    )
  }

  #standing({ remainingPoints, msBeforeNext }: RateLimiterRes): Standing {
    return {
      name: this.#name,
      policy: this.#policy,
      remaining: remainingPoints,
      seconds: Math.ceil(msBeforeNext / 1_000),
    }
  }

  /** Gives a point back. */
  async giveBack(key: string): Promise<void> {
    await this.#limiter.reward(key)
  }
}

/** The standard headers, as the IETF draft has them: names and values in turn. */
export function standingHeaders(standing: Standing | undefined): string[] {
  if (!standing) return []
  const { name, policy, remaining, seconds } = standing
  return ['RateLimit-Policy', policy, 'RateLimit', `"${name}";r=${remaining};t=${seconds}`]
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
