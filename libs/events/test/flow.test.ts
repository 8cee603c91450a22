import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { eventually } from '@platform/testing/eventually.ts'
import { on, startConsumer } from '../src/consumer.ts'
import { openTransport } from '../src/open-transport.ts'
import { startRelay } from '../src/relay.ts'
import { quiet, startTestService, type TestService, type ThingTables, thingChanged } from './harness.ts'

let things: TestService

beforeAll(async () => {
  things = await startTestService()
})
afterAll(() => things.close())

describe('an event', () => {
  it('goes from a command through the outbox, the log and the inbox to its effect', async () => {
    const { db, pool, url: databaseUrl } = things
    const transport = openTransport({
      settings: {},
      clientId: 'things',
      pool,
      databaseUrl,
      log: quiet,
      onFatal: (error) => {
        throw error
      },
    })
    const relay = startRelay({ db, pool, databaseUrl, transport, log: quiet })
    const handlers = [
      on<ThingTables, { id: string; name: string }>(thingChanged, async (trx, event) => {
        await trx
          .insertInto('effect')
          .values({ event_id: event.id, subject: event.subject, version: event.entityversion, name: event.data.name })
          .execute()
      }),
    ]
    const consumer = startConsumer({ db, transport, name: 'things', handlers, log: quiet, clock: () => new Date() })
    await things.change('a', 'first')
    await things.change('a', 'second')
    await things.change('b', 'other')
    relay.wake()
    await eventually(async () => expect(await things.effects()).toHaveLength(3))
    const ofA = (await things.effects()).filter(({ subject }) => subject === 'a')
    expect(ofA.map(({ version, name }) => ({ version, name }))).toEqual([
      { version: 1, name: 'first' },
      { version: 2, name: 'second' },
    ])
    await eventually(async () => expect(await db.selectFrom('outbox').selectAll().execute()).toEqual([]))
    await consumer.stop()
    await relay.stop()
    await transport.close()
  })
})
