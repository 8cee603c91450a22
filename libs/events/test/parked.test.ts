import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { DomainError } from '@platform/http/errors.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { findKafkaBrokers } from '@platform/testing/kafka.ts'
import type { Consumer } from '../src/consumer.ts'
import { dropParked, listParked, replayAllParked, replayParked, showParked } from '../src/parked.ts'
import type { EventTransport } from '../src/transport.ts'
import { consume, envelope, queueOf, thingModel } from './consumer-harness.ts'
import { startTestService, type TestService } from './harness.ts'
import { openAt, transportKinds } from './transports.ts'

const topic = 'things.thing'

let service: TestService
beforeAll(async () => {
  service = await startTestService()
})
afterAll(() => service.close())

describe.each(transportKinds(findKafkaBrokers()))('what is parked on $name', (kind) => {
  let transport: EventTransport
  let consumer: Consumer
  let group: string
  /** Subjects and names that the handler refuses, until a test takes them away. */
  let refused: Set<string>
  const send = (key: string, ...values: string[]) => transport.send(values.map((value) => ({ topic, key, value })))
  const parked = () => listParked(service.db, { consumer: group })
  const effectsOn = async (...ids: string[]) =>
    (await service.effects()).filter(({ subject }) => ids.includes(subject)).map(({ name }) => name)
  const idAt = async (index: number) => (await parked())[index]?.id ?? -1
  const start = () =>
    consume(service, transport, {
      name: group,
      handlers: [
        thingModel(({ data: { name } }) => {
          if (refused.has(name)) throw new Error(`${name} is refused`)
          if (name === 'forbidden') throw new DomainError('conflict', 'never')
        }),
      ],
    })

  beforeEach(async () => {
    group = `model-${randomUUID()}`
    refused = new Set()
    transport = openAt(kind.place(service.url))
    await transport.ensureTopics([topic])
    consumer = start()
  })
  afterEach(async () => {
    await consumer.stop()
    await transport.close()
  })

  it('is what keeps failing, and all of its key behind it; other keys go on; a replay runs it in order', async () => {
    const [key, other] = [randomUUID(), randomUUID()]
    const event = (version: number, name: string, subject = key) => envelope({ subject, entityversion: version, name })
    refused.add('poison')
    await send(key, event(1, 'one'), event(2, 'poison'), event(3, 'three'), event(4, 'four'))
    await send(other, event(1, 'free', other))
    await eventually(async () => expect(await queueOf(service, key)).toHaveLength(3))
    await eventually(async () => expect(await effectsOn(other)).toEqual(['free']))
    expect(await queueOf(service, key)).toEqual([
      { reason: 'failed', attempts: 3 },
      { reason: 'behind', attempts: 0 },
      { reason: 'behind', attempts: 0 },
    ])
    expect(await effectsOn(key)).toEqual(['one'])
    const shown = await showParked(service.db, await idAt(0))
    expect(shown).toMatchObject({ consumer: group, topic, key, error: 'Error: poison is refused', subject: key })
    expect(JSON.parse(shown?.value ?? '')).toMatchObject({ data: { name: 'poison' } })

    // Too early: it fails again, and nothing overtakes it.
    expect(await replayParked(service.db, await idAt(2))).toBe(true)
    await eventually(async () => expect((await queueOf(service, key))[0]?.attempts).toBe(4))
    await eventually(async () => {
      expect((await parked()).some(({ isReplayRequested }) => isReplayRequested)).toBe(false)
    })
    expect(await effectsOn(key)).toEqual(['one'])

    refused.clear()
    expect(await replayParked(service.db, await idAt(0))).toBe(true)
    await send(key, event(5, 'five'))
    await eventually(async () => expect(await effectsOn(key)).toEqual(['one', 'poison', 'three', 'four', 'five']))
    expect(await parked()).toEqual([])
  })

  it('can be dropped, with what comes after going on', async () => {
    const key = randomUUID()
    const event = (version: number, name: string) => envelope({ subject: key, entityversion: version, name })
    refused.add('poison')
    const poison = event(2, 'poison')
    await send(key, event(1, 'one'), poison, event(3, 'three'))
    await eventually(async () => expect(await queueOf(service, key)).toHaveLength(2))
    expect(await dropParked(service.db, await idAt(0))).toBe(true)
    await eventually(async () => expect(await effectsOn(key)).toEqual(['one', 'three']))
    // It is not taken up again when it is delivered again, not even where it would work now.
    refused.clear()
    await send(key, poison, event(4, 'four'))
    await eventually(async () => expect(await effectsOn(key)).toEqual(['one', 'three', 'four']))
    expect(await parked()).toEqual([])
    expect(await dropParked(service.db, 999_999_999)).toBe(false)
    expect(await replayParked(service.db, 999_999_999)).toBe(false)
    expect(await showParked(service.db, 999_999_999)).toBeUndefined()
  })

  it('is at once what can never work: no JSON, no envelope, other data, a refusal of the rules', async () => {
    const bad = {
      'no json': 'not { json',
      // Kafka takes any bytes, PostgreSQL does not.
      nul: kind.name === 'Kafka' ? 'nul \0 byte' : 'no nul',
      array: '[]',
      'no version': JSON.stringify({ ...JSON.parse(envelope({ subject: 'x', entityversion: 1 })), entityversion: 0 }),
      'other data': envelope({ subject: 'x', entityversion: 1, ...{ data: { id: 7 } } }),
      refusal: envelope({ subject: 'x', entityversion: 1, name: 'forbidden' }),
    }
    const keys = Object.fromEntries(Object.keys(bad).map((name) => [name, `${name} ${randomUUID()}`]))
    for (const [name, value] of Object.entries(bad)) await send(keys[name] ?? '', value)
    if (kind.name === 'Kafka') {
      await send('nul \0 key', 'nothing')
      await eventually(async () => expect(await queueOf(service, 'nul \uFFFD key')).toHaveLength(1))
      await dropParked(service.db, (await listParked(service.db, { key: 'nul \uFFFD key' }))[0]?.id ?? -1)
    }
    await eventually(async () => expect(await parked()).toHaveLength(6))
    const reasons = Object.fromEntries((await parked()).map(({ key, reason, attempts }) => [key, [reason, attempts]]))
    expect(reasons).toEqual({
      [keys['no json'] ?? '']: ['invalid', 0],
      [keys.nul ?? '']: ['invalid', 0],
      [keys.array ?? '']: ['invalid', 0],
      [keys['no version'] ?? '']: ['invalid', 0],
      [keys['other data'] ?? '']: ['invalid', 1],
      [keys.refusal ?? '']: ['failed', 1],
    })
    for (const { id } of await parked()) await dropParked(service.db, id)
    expect(await parked()).toEqual([])
  })

  it('is a version that comes too early, until the one before arrives; others of its key are not held up', async () => {
    const [key, early, late] = [randomUUID(), randomUUID(), randomUUID()]
    const event = (subject: string, version: number) =>
      envelope({ subject, entityversion: version, name: `${subject === early ? 'early' : 'late'} ${version}` })
    await send(key, event(early, 1), event(early, 4), event(early, 3), event(late, 1))
    await eventually(async () => expect(await effectsOn(early, late)).toEqual(['early 1', 'late 1']))
    expect((await queueOf(service, key)).map(({ reason }) => reason)).toEqual(['gap', 'gap'])
    await send(key, event(early, 2), event(late, 2))
    await eventually(async () => expect(await effectsOn(late)).toEqual(['late 1', 'late 2']))
    expect(await effectsOn(early)).toEqual(['early 1', 'early 2', 'early 3', 'early 4'])
    expect(await parked()).toEqual([])
  })

  it('is taken care of by a snapshot, or by saying that the gap may stay', async () => {
    const [key, told, lone] = [randomUUID(), randomUUID(), randomUUID()]
    const event = (subject: string, version: number, snapshot?: boolean) =>
      envelope({ subject, entityversion: version, name: `v${version}`, snapshot })
    await send(key, event(told, 3), event(lone, 5))
    await eventually(async () => expect(await queueOf(service, key)).toHaveLength(2))
    await send(key, event(told, 4, true))
    await eventually(async () => expect(await queueOf(service, key)).toHaveLength(1))
    expect(await effectsOn(told)).toEqual(['v4'])
    await replayParked(service.db, await idAt(0), { acceptGap: true })
    await eventually(async () => expect(await effectsOn(lone)).toEqual(['v5']))
    await send(key, event(lone, 6), event(told, 5))
    await eventually(async () => expect(await effectsOn(told)).toEqual(['v4', 'v5']))
    expect(await effectsOn(lone)).toEqual(['v5', 'v6'])
  })

  it('is parked once, although it is delivered again', async () => {
    const key = randomUUID()
    refused.add('poison')
    await send(key, envelope({ subject: key, entityversion: 1, name: 'poison' }))
    await send(key, envelope({ subject: key, entityversion: 2 }))
    await eventually(async () => expect(await queueOf(service, key)).toHaveLength(2))
    const before = await parked()
    await consumer.stop()
    // As after a crash before the offset was stored: a consumer of the same inbox in a group that has no offsets yet.
    consumer = consume(service, regrouped(transport), { name: group, handlers: [thingModel()] })
    const marker = randomUUID()
    await send('another key', envelope({ subject: marker, entityversion: 1 }))
    await eventually(async () => expect(await effectsOn(marker)).toHaveLength(1))
    await eventually(() => expect(consumer.isReady()).toBe(true))
    expect(await parked()).toEqual(before)
    expect(await replayAllParked(service.db, group)).toBe(2)
    await eventually(async () => expect(await effectsOn(key)).toEqual(['poison', 'some name']))
  })
})

function regrouped(transport: EventTransport): EventTransport {
  return {
    ensureTopics: (topics) => transport.ensureTopics(topics),
    send: (messages) => transport.send(messages),
    consume: (options) => transport.consume({ ...options, group: `${options.group}-again` }),
    isHealthy: () => transport.isHealthy(),
    close: () => transport.close(),
  }
}
