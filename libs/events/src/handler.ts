import type { Transaction } from 'kysely'
import { type CloudEvent, parseCloudEvent } from './cloud-event.ts'
import type { EventType } from './event-type.ts'
import { InvalidEvent } from './failures.ts'

/** Applies events whose preparation is done: all of those that were prepared, or some of them. */
export type ApplyEvents<T, D = unknown> = (trx: Transaction<T>, events: CloudEvent<D>[]) => Promise<void>

/** A reaction to one type of event. */
export interface EventHandler<T> {
  readonly type: string
  readonly topic: string
  /** Checks the event's data, then applies it. */
  handle(trx: Transaction<T>, event: CloudEvent): Promise<void>
  /** Present where one transaction can apply several events: checks their data, and prepares them before it. */
  prepare?(events: CloudEvent[]): Promise<ApplyEvents<T>>
}

/**
 * Says what a service does when an event arrives. What `handle` writes is committed together with the note that the
 * event was handled, so it takes effect once. It may run more often: an error takes back what it wrote, and is followed
 * by another try. So nothing but the database is touched in it.
 *
 * @param handle throws `VersionGap` (see `nextVersion`) when the event has to wait for another; a `DomainError` when it
 *   can never be applied, unless that is `unavailable`, which is waited for
 */
export function on<T, D>(
  type: EventType<D>,
  handle: (trx: Transaction<T>, event: CloudEvent<D>) => Promise<void>,
): EventHandler<T> {
  return {
    type: type.type,
    topic: type.topic,
    handle: async (trx, event) => handle(trx, { ...event, data: type.parse(event.data) }),
  }
}

/**
 * As `on`, for events that arrive in such numbers that a transaction each is too slow: several of a partition are applied in
 * one. When the transaction fails, each half of them is tried, down to a single event, which is retried or parked.
 *
 * @param prepare runs before the transaction, so it may ask other systems. It may see an event again that was applied
 *   before. Errors are those of `on`. Only the replay of a parked event runs it inside the transaction.
 */
export function onBatch<T, D>(
  type: EventType<D>,
  prepare: (events: CloudEvent<D>[]) => Promise<ApplyEvents<T, D>>,
): EventHandler<T> {
  const prepareChecked = async (events: CloudEvent[]): Promise<ApplyEvents<T>> => {
    const checked = new Map(events.map((event) => [event, { ...event, data: type.parse(event.data) }]))
    const apply = await prepare([...checked.values()])
    return (trx, fresh) =>
      apply(
        trx,
        fresh.flatMap((event) => checked.get(event) ?? []),
      )
  }
  return {
    type: type.type,
    topic: type.topic,
    prepare: prepareChecked,
    handle: async (trx, event) => (await prepareChecked([event]))(trx, [event]),
  }
}

/** Returns what applies one event: the handler itself, or what its preparation gave. */
export async function prepareOne<T>(
  handler: EventHandler<T>,
  event: CloudEvent,
): Promise<Pick<EventHandler<T>, 'handle'>> {
  const apply = await handler.prepare?.([event])
  return apply ? { handle: (trx, given) => apply(trx, [given]) } : handler
}

/** What a message turned out to be. */
export type Reading<T> =
  | { kind: 'event'; event: CloudEvent; handler: EventHandler<T> }
  /** Nobody here waits for this type. */
  | { kind: 'ignored' }
  | { kind: 'invalid'; error: InvalidEvent }

/** A consumer's handlers, by topic and type. */
export class Handlers<T> {
  readonly topics: string[]
  readonly #byType = new Map<string, EventHandler<T>>()

  /** @throws Error when two handlers are for the same type: which of them failed could not be told apart */
  constructor(handlers: EventHandler<T>[]) {
    for (const handler of handlers) {
      const place = `${handler.topic} ${handler.type}`
      if (this.#byType.has(place)) throw new Error(`There are two handlers for ${handler.type}.`)
      this.#byType.set(place, handler)
    }
    this.topics = [...new Set(handlers.map(({ topic }) => topic))]
  }

  read({ topic, value }: { topic: string; value: string }): Reading<T> {
    try {
      const event = parseCloudEvent(value)
      const handler = this.#byType.get(`${topic} ${event.type}`)
      return handler ? { kind: 'event', event, handler } : { kind: 'ignored' }
    } catch (error) {
      if (error instanceof InvalidEvent) return { kind: 'invalid', error }
      throw error
    }
  }
}
