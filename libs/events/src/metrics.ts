import type { Logger } from '@platform/log/logger.ts'
import { type Kysely, sql } from 'kysely'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { EventTables } from './tables.ts'

const DELAY_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300]
// Counting stops here: beyond, the figure's size says enough and its cost would not.
const COUNT_LIMIT = 100_000

export interface MetricsOptions<T extends EventTables> {
  registry?: Registry
  db: Kysely<T>
  log: Logger
}

/** What a relay shows; nothing without a registry. */
export function relayMetrics<T extends EventTables>({ registry, db, log }: MetricsOptions<T>) {
  if (!registry) return undefined
  const registers = [registry]
  const age = new Gauge({ name: 'outbox_oldest_seconds', help: 'Age of the oldest event that waits.', registers })
  new Gauge({
    name: 'outbox_unsent',
    help: `Events that wait to be sent, counted up to ${COUNT_LIMIT}.`,
    registers,
    async collect() {
      const found = await sql<{ unsent: number; seconds: number }>`
        select count(*) as unsent, coalesce(extract(epoch from now() - min(created_at)), 0)::float8 as seconds
        from (select created_at from outbox limit ${COUNT_LIMIT}) o`
        .execute(db)
        .catch(warn(log))
      const row = found?.rows[0]
      if (row) this.set(row.unsent)
      if (row) age.set(Math.max(row.seconds, 0))
    },
  })
  return {
    active: new Gauge({ name: 'outbox_relay_active', help: '1 when this process sends.', registers }),
    sent: new Counter({ name: 'outbox_sent_total', help: 'Events sent by this process.', registers }),
    failures: new Counter({ name: 'outbox_send_failures_total', help: 'Batches that could not be sent.', registers }),
    delay: new Histogram({
      name: 'outbox_delay_seconds',
      help: 'From the command to the acknowledgement of the broker.',
      buckets: DELAY_BUCKETS,
      registers,
    }),
  }
}

export type RelayMetrics = NonNullable<ReturnType<typeof relayMetrics>>

/** How the handling of a message ended. */
export type Outcome = 'handled' | 'duplicate' | 'ignored' | 'parked'

/** What a consumer shows; nothing without a registry. */
export function consumerMetrics<T extends EventTables>({ registry, db, log }: MetricsOptions<T>, consumer: string) {
  if (!registry) return undefined
  const registers = [registry]
  new Gauge({
    name: 'events_parked',
    help: 'Messages that are parked, by the reason.',
    labelNames: ['topic', 'reason'],
    registers,
    async collect() {
      const found = await sql<{ topic: string; reason: string; parked: number }>`
        select topic, reason, count(*) as parked from parked_event where consumer = ${consumer} group by 1, 2`
        .execute(db)
        .catch(warn(log))
      if (!found) return
      this.reset()
      for (const { topic, reason, parked } of found.rows) this.set({ topic, reason }, parked)
    },
  })
  return {
    outcomes: new Counter({
      name: 'events_consumed_total',
      help: 'Messages, by how their handling ended.',
      labelNames: ['topic', 'outcome'],
      registers,
    }),
    failures: new Counter({
      name: 'events_failed_attempts_total',
      help: 'Attempts to handle a message that failed.',
      labelNames: ['topic', 'kind'],
      registers,
    }),
    lag: new Gauge({
      name: 'events_lag',
      help: 'Messages of a partition that wait behind the last batch.',
      labelNames: ['topic', 'partition'],
      registers,
    }),
    delay: new Histogram({
      name: 'events_delay_seconds',
      help: 'From what happened to its effect here.',
      labelNames: ['topic'],
      buckets: DELAY_BUCKETS,
      registers,
    }),
  }
}

export type ConsumerMetrics = NonNullable<ReturnType<typeof consumerMetrics>>

const warn = (log: Logger) => (error: unknown) => {
  log.warn('event metrics could not be read', { error })
  return undefined
}
