import { randomUUID } from 'node:crypto'
import type { Transaction } from 'kysely'
import type { CloudEvent } from '../src/cloud-event.ts'
import { type Consumer, type ConsumerOptions, type EventHandler, on, startConsumer } from '../src/consumer.ts'
import { listParked, type ParkedEvent } from '../src/parked.ts'
import type { EventTransport } from '../src/transport.ts'
import { nextVersion } from '../src/versions.ts'
import { quiet, type TestService, type ThingTables, thingChanged } from './harness.ts'

/** What a test changes of an event that is otherwise in order. */
export interface Envelope extends Partial<Omit<CloudEvent, 'data'>> {
  subject: string
  entityversion: number
  name?: string
}

/** The text of an event of a thing. */
export function envelope({ name = 'some name', ...over }: Envelope): string {
  return JSON.stringify({
    specversion: '1.0',
    id: randomUUID(),
    source: '/services/things',
    type: thingChanged.type,
    time: new Date().toISOString(),
    datacontenttype: 'application/json',
    data: { id: over.subject, name },
    ...over,
  })
}

/** A read model of things that writes down each effect. `react` runs first and may throw. */
export function thingModel(
  react: (event: CloudEvent<{ id: string; name: string }>) => void | Promise<void> = () => {},
) {
  return on(thingChanged, async (trx: Transaction<ThingTables>, event) => {
    await react(event)
    const { id, name } = event.data
    const thing = await trx.selectFrom('thing').select('version').where('id', '=', id).forUpdate().executeTakeFirst()
    if (nextVersion(thing?.version, event) === 'stale') return
    const version = event.entityversion
    await trx
      .insertInto('thing')
      .values({ id, name, version })
      .onConflict((conflict) => conflict.column('id').doUpdateSet({ name, version }))
      .execute()
    await trx.insertInto('effect').values({ event_id: event.id, subject: event.subject, version, name }).execute()
  })
}

export type ThingHandler = EventHandler<ThingTables>

/** For a service that reads what it publishes itself: it copies things under another name. */
export function thingCopy(): ThingHandler {
  const model = thingModel()
  return {
    ...model,
    handle: (trx, event) => model.handle(trx, { ...event, data: { id: `copy of ${event.subject}`, name: 'copy' } }),
  }
}

/** A consumer with the patience of a test. */
export function consume(
  { db }: Pick<TestService, 'db'>,
  transport: EventTransport,
  options: Partial<ConsumerOptions<ThingTables>> & { name: string; handlers: ThingHandler[] },
): Consumer {
  const clock = () => new Date()
  return startConsumer({ db, transport, log: quiet, clock, retryMs: 5, replayPollMs: 50, attempts: 3, ...options })
}

/** What is parked under a key, in short. */
export async function queueOf({ db }: TestService, key: string): Promise<Pick<ParkedEvent, 'reason' | 'attempts'>[]> {
  return (await listParked(db, { key })).map(({ reason, attempts }) => ({ reason, attempts }))
}
