import type { Logger } from '@platform/log/logger.ts'
import { sql } from 'kysely'
import type { Db } from '../db/schema.ts'

const FLUSH_MS = 10_000

/** Keeps when each key was last used, and writes it down in batches: a read by key must not cost a write. */
export class LastUsed {
  readonly #db: Db
  readonly #log: Logger
  readonly #clock: () => Date
  readonly #timer: NodeJS.Timeout
  #used = new Map<string, Date>()

  constructor(db: Db, log: Logger, clock: () => Date) {
    this.#db = db
    this.#log = log
    this.#clock = clock
    this.#timer = setInterval(() => void this.flush(), FLUSH_MS).unref()
  }

  note(keyId: string): void {
    this.#used.set(keyId, this.#clock())
  }

  /** Writes down what has come together. What cannot be written is lost: it is a hint, no record. */
  async flush(): Promise<void> {
    if (this.#used.size === 0) return
    const used = [...this.#used].sort(([a], [b]) => (a < b ? -1 : 1))
    this.#used = new Map()
    const ids = used.map(([id]) => id)
    const times = used.map(([, at]) => at.toISOString())
    try {
      await sql`
        update api_key set last_used_at = greatest(last_used_at, used.at)
        from unnest(${ids}::text[], ${times}::timestamptz[]) as used (id, at)
        where api_key.id = used.id`.execute(this.#db)
    } catch (error) {
      this.#log.warn('last uses of API keys were not written', { keys: ids.length, error })
    }
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.flush()
  }
}
