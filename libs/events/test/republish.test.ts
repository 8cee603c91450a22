import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { eventually } from '@platform/testing/eventually.ts'
import { EmbeddedLog } from '../src/embedded-log.ts'
import { startRelay } from '../src/relay.ts'
import { republish, type Snapshot } from '../src/republish.ts'
import { consume, thingModel } from './consumer-harness.ts'
import { quiet, startTestService, type TestService, type ThingTables, thingChanged } from './harness.ts'

/** The owner of the things, and a service that keeps a copy of them. */
let owner: TestService
let reader: TestService
beforeAll(async () => {
  owner = await startTestService()
  reader = await startTestService()
})
afterAll(async () => {
  await owner.close()
  await reader.close()
})

const snapshot: Snapshot<ThingTables> = {
  topic: thingChanged.topic,
  page: async (trx, after, limit) => {
    const things = await trx
      .selectFrom('thing')
      .selectAll()
      .where('id', '>', after ?? '')
      .orderBy('id')
      .limit(limit)
      .forShare()
      .execute()
    return things.map(({ id, name, version }) => ({
      cursor: id,
      type: thingChanged,
      source: '/services/things',
      subject: id,
      entityVersion: version,
      data: { id, name },
    }))
  },
}

describe('republish', () => {
  it('builds a read model anew, beside changes that go on', async () => {
    const ids = Array.from({ length: 25 }, (_, index) => `thing-${String(index).padStart(2, '0')}`)
    for (const id of ids) for (const name of ['first', 'second']) await owner.change(id, name)
    // All that was published so far has gone from the log.
    await owner.asAdmin(`delete from ${owner.name}.outbox`)

    const log = new EmbeddedLog({ pool: owner.pool, databaseUrl: owner.url, log: quiet })
    const consumer = consume(reader, log, { name: 'reader', handlers: [thingModel()] })
    const relay = startRelay({ db: owner.db, pool: owner.pool, databaseUrl: owner.url, transport: log, log: quiet })
    const progress: number[] = []
    const options = { at: () => new Date(), batchSize: 10, onProgress: (count: number) => void progress.push(count) }
    const changes = Promise.all(ids.map((id) => owner.change(id, 'third')))
    expect(await republish(owner.db, snapshot, options)).toBe(25)
    await changes
    relay.wake()

    const copy = () => reader.db.selectFrom('thing').selectAll().orderBy('id').execute()
    const expected = ids.map((id) => ({ id, version: 3, name: 'third' }))
    await eventually(async () => expect(await copy()).toEqual(expected))
    expect(progress).toEqual([10, 20, 25])

    // Once more: who has it all already takes no notice.
    const before = await reader.effects()
    await republish(owner.db, snapshot, options)
    await owner.change('thing-zz', 'last')
    relay.wake()
    await eventually(async () => expect(await copy()).toHaveLength(26))
    expect((await reader.effects()).filter(({ subject }) => subject !== 'thing-zz')).toEqual(before)
    await consumer.stop()
    await relay.stop()
    await log.close()
  })
})
