import { sql } from 'kysely'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { Db } from '../db/schema.ts'
import type { Outcome } from './outcome.ts'

// Targets are the clients' choice, so the number of series is not.
const MAX_HOSTS = 100
const OTHERS = 'other'

export interface MetricsSource {
  db: Db
  /** The engine's clock. */
  now: () => Date
  /** What is under way at the moment. */
  runningByHost: () => ReadonlyMap<string, number>
}

/** What can be seen of an engine from outside. */
export class EngineMetrics {
  readonly #outcomes: Counter<'kind' | 'host' | 'outcome'>
  readonly #lateness: Histogram<'kind'>
  readonly #hosts = new Set<string>()

  constructor(registry: Registry, { db, now, runningByHost }: MetricsSource) {
    const registers = [registry]
    this.#outcomes = new Counter({
      name: 'scheduler_requests_total',
      help: 'Requests made, by what followed: succeeded, retry, failed.',
      labelNames: ['kind', 'host', 'outcome'],
      registers,
    })
    this.#lateness = new Histogram({
      name: 'scheduler_lateness_seconds',
      help: 'From when a request was due to when it was sent.',
      labelNames: ['kind'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300],
      registers,
    })
    let asked: Promise<QueueCounts[]> | undefined
    // Both gauges are collected at the same time, and share one look.
    const askQueue = () => {
      asked ??= countQueue(db, now()).finally(() => {
        asked = undefined
      })
      return asked
    }
    const labelOf = (host: string) => this.#labelOf(host)
    new Gauge({
      name: 'scheduler_running',
      help: 'Requests under way in this process.',
      labelNames: ['host'],
      registers,
      collect() {
        this.reset()
        for (const [host, count] of runningByHost()) this.inc({ host: labelOf(host) }, count)
      },
    })
    new Gauge({
      name: 'scheduler_queue',
      help: 'In the whole database: due (not begun), late (due for more than a second), begun.',
      labelNames: ['state'],
      registers,
      async collect() {
        const byHost = await askQueue()
        for (const state of STATES)
          this.set(
            { state },
            byHost.reduce((sum, counts) => sum + counts[state], 0),
          )
      },
    })
    new Gauge({
      name: 'scheduler_queue_of_host',
      help: 'As scheduler_queue, for each target that has any.',
      labelNames: ['state', 'host'],
      registers,
      async collect() {
        const byHost = await askQueue()
        this.reset()
        for (const { host, ...counts } of byHost) {
          for (const state of STATES) if (counts[state] > 0) this.inc({ state, host: labelOf(host) }, counts[state])
        }
      },
    })
  }

  observe({ task, sent, verdict }: Outcome): void {
    this.#outcomes.inc({ kind: task.kind, host: this.#labelOf(task.host), outcome: verdict.kind })
    const late = sent.sentAt.getTime() - task.dueAt.getTime()
    if (task.lapses === 0) this.#lateness.observe({ kind: task.kind }, Math.max(late, 0) / 1_000)
  }

  #labelOf(host: string): string {
    if (this.#hosts.has(host)) return host
    if (this.#hosts.size >= MAX_HOSTS) return OTHERS
    this.#hosts.add(host)
    return host
  }
}

const STATES = ['due', 'late', 'begun'] as const
type QueueCounts = Record<(typeof STATES)[number], number> & { host: string }

/** What is due, for each target. */
export async function countQueue(db: Db, now: Date): Promise<QueueCounts[]> {
  const { rows } = await sql<QueueCounts>`
    select host, count(*) filter (where begun_at is null) as due,
      count(*) filter (where begun_at is null and due_at <= ${new Date(now.getTime() - 1_000)}) as late,
      count(*) filter (where begun_at is not null) as begun
    from queue where next_at <= ${now} group by host`.execute(db)
  return rows
}
