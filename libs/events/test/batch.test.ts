import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { DomainError } from '@platform/http/errors.ts'
import { eventually } from '@platform/testing/eventually.ts'
import type { Transaction } from 'kysely'
import type { CloudEvent } from '../src/cloud-event.ts'
import { type Consumer, on, onBatch } from '../src/consumer.ts'
import { listParked, replayParked } from '../src/parked.ts'
import type { ConsumeOptions, EventTransport } from '../src/transport.ts'
import { consume, envelope, queueOf } from './consumer-harness.ts'
import { startTestService, type TestService, type ThingTables, thingChanged, thingRenamed } from './harness.ts'

type ThingEvent = CloudEvent<{ id: string; name: string }>

/** Delivers exactly the batches that a test makes. */
class ManualTransport implements EventTransport {
  #handle: ConsumeOptions['handle'] | undefined
  #offset = 0

  async ensureTopics(): Promise<void> {}
  async send(): Promise<void> {}
  async close(): Promise<void> {}
  isHealthy = () => true
  consume({ handle }: ConsumeOptions) {
    this.#handle = handle
    return { isReady: () => true, stop: async () => {} }
  }

  async deliver(messages: { key: string; value: string }[]): Promise<void> {
    const topic = thingChanged.topic
    await this.#handle?.({
      topic,
      partition: 0,
      messages: messages.map((message) => ({ ...message, topic, partition: 0, offset: this.#offset++ })),
      lag: 0,
      signal: new AbortController().signal,
    })
  }
}

let service: TestService
beforeAll(async () => {
  service = await startTestService()
})
afterAll(() => service.close())

describe('events that are handled together', () => {
  let transport: ManualTransport
  let consumer: Consumer
  let group: string
  /** How many events each preparation and each transaction had. */
  let prepared: number[]
  let applied: number[]
  let refuse: (event: ThingEvent) => void
  let prepare: () => Promise<void>

  const write = async (trx: Transaction<ThingTables>, events: ThingEvent[]) => {
    applied.push(events.length)
    for (const event of events) refuse(event)
    const effects = events.map(({ id, subject, entityversion, data }) => ({
      event_id: id,
      subject,
      version: entityversion,
      name: data.name,
    }))
    await trx.insertInto('effect').values(effects).execute()
  }
  const together = onBatch<ThingTables, { id: string; name: string }>(thingChanged, async (events) => {
    prepared.push(events.length)
    await prepare()
    return write
  })
  const alone = on<ThingTables, { id: string }>(thingRenamed, async (trx, { id, subject, entityversion }) => {
    await trx.insertInto('effect').values({ event_id: id, subject, version: entityversion, name: 'renamed' }).execute()
  })
  const effectsOf = async (subjects: string[]) =>
    (await service.effects()).filter(({ subject }) => subjects.includes(subject))
  const messageOf = (key: string, entityversion: number, name = 'a name') => ({
    key,
    value: envelope({ subject: key, entityversion, name }),
  })

  beforeEach(() => {
    group = `model-${randomUUID()}`
    prepared = []
    applied = []
    refuse = () => {}
    prepare = async () => {}
    transport = new ManualTransport()
    consumer = consume(service, transport, { name: group, handlers: [together, alone] })
  })
  afterEach(() => consumer.stop())

  it('take effect in one transaction, in the order of each key', async () => {
    const keys = Array.from({ length: 40 }, () => randomUUID())
    await transport.deliver([1, 2, 3].flatMap((version) => keys.map((key) => messageOf(key, version))))
    expect([prepared, applied]).toEqual([[120], [120]])
    const effects = await effectsOf(keys)
    expect(effects).toHaveLength(120)
    for (const key of keys) {
      expect(effects.filter(({ subject }) => subject === key).map(({ version }) => version)).toEqual([1, 2, 3])
    }
  })

  it('take effect once when they come twice in a batch and again in the next one', async () => {
    const [one, other] = [randomUUID(), randomUUID()]
    const messages = [messageOf(one, 1), messageOf(other, 1)]
    await transport.deliver([...messages, ...messages])
    await transport.deliver([...messages, messageOf(one, 2)])
    expect(applied).toEqual([2, 1])
    expect(await effectsOf([one, other])).toHaveLength(3)
  })

  it('are tried in smaller transactions when one fails: it is parked with those behind it, the rest takes effect', async () => {
    const keys = Array.from({ length: 20 }, () => randomUUID())
    const bad = keys[7] ?? ''
    refuse = ({ data }) => {
      if (data.name === 'bad') throw new DomainError('validation', 'It is bad.')
    }
    await transport.deliver([
      ...keys.map((key) => messageOf(key, 1, key === bad ? 'bad' : 'good')),
      ...keys.map((key) => messageOf(key, 2)),
    ])
    expect(await effectsOf([bad])).toEqual([])
    expect(await effectsOf(keys)).toHaveLength(38)
    expect((await queueOf(service, bad)).map(({ reason }) => reason)).toEqual(['failed', 'behind'])
    expect(await listParked(service.db, { consumer: group })).toHaveLength(2)
  })

  it('are parked alone when their data is invalid', async () => {
    const [good, bad] = [randomUUID(), randomUUID()]
    const invalid = JSON.stringify({ ...JSON.parse(messageOf(bad, 1).value), data: { id: 7 } })
    await transport.deliver([messageOf(good, 1), { key: bad, value: invalid }, messageOf(good, 2)])
    expect((await queueOf(service, bad)).map(({ reason }) => reason)).toEqual(['invalid'])
    expect((await effectsOf([good])).map(({ version }) => version)).toEqual([1, 2])
  })

  it('stay behind what is parked under their key, and follow it after a replay', async () => {
    const key = randomUUID()
    let isBroken = true
    refuse = ({ entityversion }) => {
      if (isBroken && entityversion === 1) throw new DomainError('conflict', 'Not yet.')
    }
    await transport.deliver([messageOf(key, 1), messageOf(randomUUID(), 1)])
    await transport.deliver([messageOf(key, 2), messageOf(randomUUID(), 1)])
    expect((await queueOf(service, key)).map(({ reason }) => reason)).toEqual(['failed', 'behind'])
    isBroken = false
    const [first] = await listParked(service.db, { consumer: group, key })
    await replayParked(service.db, first?.id ?? 0)
    await eventually(async () => expect((await effectsOf([key])).map(({ version }) => version)).toEqual([1, 2]))
  })

  it('are handled one by one where a key has events of another handler between them', async () => {
    const key = randomUUID()
    const rename = { ...JSON.parse(messageOf(key, 2).value), type: thingRenamed.type }
    await transport.deliver([messageOf(key, 1), { key, value: JSON.stringify(rename) }, messageOf(key, 3)])
    expect((await effectsOf([key])).map(({ name }) => name)).toEqual(['a name', 'renamed', 'a name'])
    expect(applied).toEqual([1, 1])
  })

  it('wait for an outage that the preparation meets', async () => {
    const keys = [randomUUID(), randomUUID()]
    let failures = 2
    prepare = async () => {
      if (failures-- > 0) throw new DomainError('unavailable', 'The store is away.')
    }
    await transport.deliver(keys.map((key) => messageOf(key, 1)))
    expect(prepared).toEqual([2, 2, 2])
    expect(await effectsOf(keys)).toHaveLength(2)
    expect(await listParked(service.db, { consumer: group })).toEqual([])
  })
})
