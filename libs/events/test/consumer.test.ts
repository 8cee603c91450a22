import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { DomainError } from '@platform/http/errors.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { findKafkaBrokers } from '@platform/testing/kafka.ts'
import { Registry } from 'prom-client'
import { type Consumer, on } from '../src/consumer.ts'
import { purgeInbox } from '../src/inbox.ts'
import { openTransport } from '../src/open-transport.ts'
import { listParked } from '../src/parked.ts'
import type { EventTransport } from '../src/transport.ts'
import { consume, envelope, queueOf, type ThingHandler, thingModel } from './consumer-harness.ts'
import { quiet, startTestService, type TestService, type ThingTables, thingChanged, thingRenamed } from './harness.ts'
import { openAt, transportKinds } from './transports.ts'

const topic = 'things.thing'

let service: TestService
beforeAll(async () => {
  service = await startTestService()
})
afterAll(() => service.close())

describe.each(transportKinds(findKafkaBrokers()))('a consumer on $name', (kind) => {
  let transport: EventTransport
  let group: string
  let place: ReturnType<typeof kind.place>
  const consumers: Consumer[] = []
  const start = (handlers: ThingHandler[], options: { registry?: Registry; onCommit?: () => void } = {}) => {
    const consumer = consume(service, transport, { name: group, handlers, ...options })
    consumers.push(consumer)
    return consumer
  }
  const send = (key: string, ...values: string[]) => transport.send(values.map((value) => ({ topic, key, value })))
  const effectsOn = async (id: string) => (await service.effects()).filter(({ subject }) => subject === id)

  beforeEach(async () => {
    place = kind.place(service.url)
    group = `model-${randomUUID()}`
    transport = openAt(place)
    await transport.ensureTopics([topic])
  })
  afterEach(async () => {
    await Promise.all(consumers.splice(0).map((consumer) => consumer.stop()))
    await transport.close()
  })

  it('applies an event once, however often it is delivered', async () => {
    const id = randomUUID()
    const [first, second] = [1, 2].map((entityversion) => envelope({ subject: id, entityversion }))
    if (!first || !second) throw new Error('unreachable')
    // No versions here: only the inbox keeps a repetition from taking effect.
    start([
      on<ThingTables, { id: string; name: string }>(thingChanged, async (trx, { id: eventId, subject, ...event }) => {
        const effect = { event_id: eventId, subject, version: event.entityversion, name: event.data.name }
        await trx.insertInto('effect').values(effect).execute()
      }),
    ])
    await send(id, first, first, second, first, second)
    await send('another key, so at the same time', second, first)
    for (const key of [id, 'another key, so at the same time']) {
      const marker = randomUUID()
      await send(key, envelope({ subject: marker, entityversion: 1 }))
      await eventually(async () => expect(await effectsOn(marker)).toHaveLength(1))
    }
    expect((await effectsOn(id)).map(({ version }) => version).sort()).toEqual([1, 2])
    expect(await listParked(service.db, { consumer: group })).toEqual([])
  })

  it('never lets an older version overwrite a newer one', async () => {
    const id = randomUUID()
    start([thingModel()])
    const event = (entityversion: number, name: string) => envelope({ subject: id, entityversion, name })
    await send(id, event(1, 'one'), event(2, 'two'), event(1, 'old'), event(2, 'old'), event(3, 'three'))
    await eventually(async () => expect(await effectsOn(id)).toHaveLength(3))
    expect((await effectsOn(id)).map(({ name }) => name)).toEqual(['one', 'two', 'three'])
    const thing = await service.db.selectFrom('thing').selectAll().where('id', '=', id).executeTakeFirst()
    expect(thing).toEqual({ id, version: 3, name: 'three' })
  })

  it('survives whatever a handler throws, and tries again', async () => {
    const ids: string[] = Array.from({ length: 6 }, () => randomUUID())
    const thrown: unknown[] = [new TypeError('x'), new RangeError('x'), new SyntaxError('x'), 'text', undefined, null]
    const failed = new Set<string>()
    start([
      thingModel(({ subject }) => {
        if (failed.has(subject)) return
        failed.add(subject)
        throw thrown[ids.indexOf(subject)]
      }),
    ])
    for (const id of ids) await send(id, envelope({ subject: id, entityversion: 1 }))
    for (const id of ids) await eventually(async () => expect(await effectsOn(id)).toHaveLength(1))
    expect(failed.size).toBe(6)
    expect(await listParked(service.db, { consumer: group })).toEqual([])
  })

  it('takes back what a handler wrote before it failed', async () => {
    const id = randomUUID()
    let runs = 0
    const inner = thingModel()
    start([
      {
        ...inner,
        handle: async (trx, event) => {
          await inner.handle(trx, event)
          if (runs++ < 2) throw new Error('after the writes')
        },
      },
    ])
    await send(id, envelope({ subject: id, entityversion: 1 }))
    await eventually(async () => expect(await effectsOn(id)).toHaveLength(1))
    expect(runs).toBe(3)
  })

  it('ignores types that nobody here handles, also under a key that is held up', async () => {
    const [bad, good] = [randomUUID(), randomUUID()]
    start([
      thingModel(({ subject }) => {
        if (subject === bad) throw new Error('poison')
      }),
    ])
    const unknown = envelope({ subject: bad, entityversion: 2, type: thingRenamed.type })
    await send(bad, envelope({ subject: bad, entityversion: 1 }), unknown)
    await send(good, unknown, envelope({ subject: good, entityversion: 1 }))
    await eventually(async () => expect(await effectsOn(good)).toHaveLength(1))
    await eventually(async () => expect(await queueOf(service, bad)).toEqual([{ reason: 'failed', attempts: 3 }]))
  })

  it('waits out an upstream service and a database that are away, and parks nothing', async () => {
    const ids: string[] = Array.from({ length: 20 }, () => randomUUID())
    let refusals = 0
    start([
      thingModel(async ({ subject }) => {
        const turn = ids.indexOf(subject)
        if (turn === 3 && refusals++ < 5) throw new DomainError('unavailable', 'groups is away')
        if (turn === 7 && refusals < 100) {
          refusals = 100
          await service.asAdmin(
            'select pg_terminate_backend(pid) from pg_stat_activity where usename = $1 and pid <> pg_backend_pid()',
            [service.name],
          )
        }
      }),
    ])
    for (const id of ids) await send('one key', envelope({ subject: id, entityversion: 1 }))
    await eventually(async () => {
      const effects = await Promise.all(ids.map(effectsOn))
      expect(effects.map(({ length }) => length)).toEqual(ids.map(() => 1))
    })
    expect(refusals).toBeGreaterThanOrEqual(100)
    expect(await listParked(service.db, { consumer: group })).toEqual([])
    const order = (await service.effects()).map(({ subject }) => subject).filter((subject) => ids.includes(subject))
    expect(order).toEqual(ids)
  })

  it('leaves to its successor what it has not begun when it stops', async () => {
    const ids: string[] = Array.from({ length: 12 }, () => randomUUID())
    let proceed = () => {}
    const gate = new Promise<void>((resolve) => {
      proceed = resolve
    })
    let begun = 0
    const first = start([
      thingModel(async () => {
        begun++
        await gate
      }),
    ])
    await transport.send(
      ids.map((id) => ({ topic, key: 'one key', value: envelope({ subject: id, entityversion: 1 }) })),
    )
    await eventually(() => expect(begun).toBe(1))
    const stopped = first.stop()
    proceed()
    await stopped
    expect(begun).toBe(1)
    start([thingModel()])
    await eventually(async () => {
      const order = (await service.effects()).map(({ subject }) => subject).filter((subject) => ids.includes(subject))
      expect(order).toEqual(ids)
    })
  })

  it('says when something was committed, and counts what it does', async () => {
    const registry = new Registry()
    const id = randomUUID()
    let commits = 0
    start([thingModel(({ data }) => void (data.name === 'poison' && fail()))], {
      registry,
      onCommit: () => void commits++,
    })
    const event = envelope({ subject: id, entityversion: 1 })
    const renamed = envelope({ subject: id, entityversion: 2, type: thingRenamed.type })
    await send(id, event, event, renamed, envelope({ subject: id, entityversion: 2, name: 'poison' }))
    const count = async (outcome: string) =>
      (await registry.getSingleMetric('events_consumed_total')?.get())?.values.find(
        ({ labels }) => labels.outcome === outcome,
      )?.value
    await eventually(async () => expect(await count('parked')).toBe(1))
    expect([await count('handled'), await count('duplicate'), await count('ignored')]).toEqual([1, 1, 1])
    expect(commits).toBeGreaterThanOrEqual(1)
    const text = await registry.metrics()
    expect(text).toContain(`events_parked{topic="${topic}",reason="failed"} 1`)
    expect(text).toContain(`events_failed_attempts_total{topic="${topic}",kind="retry"} 3`)
    expect(text).toMatch(/events_delay_seconds_count\{topic="things.thing"\} [12]/)
    await eventually(async () => expect(await registry.metrics()).toMatch(/events_lag\{.*\} 0/))
  })

  it('works in several processes at once without doing anything twice or out of order', async () => {
    const ids: string[] = Array.from({ length: 15 }, () => randomUUID())
    const others = [openAt(place), openAt(place)]
    start([thingModel()])
    for (const other of others) consumers.push(consume(service, other, { name: group, handlers: [thingModel()] }))
    for (let version = 1; version <= 20; version++) {
      await transport.send(
        ids.map((id) => ({ topic, key: id, value: envelope({ subject: id, entityversion: version }) })),
      )
    }
    const expected = Array.from({ length: 20 }, (_, index) => index + 1)
    await eventually(async () => {
      const effects = await service.effects()
      for (const id of ids) {
        expect(effects.filter(({ subject }) => subject === id).map(({ version }) => version)).toEqual(expected)
      }
    })
    expect(await listParked(service.db, { consumer: group })).toEqual([])
    await Promise.all(consumers.splice(0).map((consumer) => consumer.stop()))
    await Promise.all(others.map((other) => other.close()))
  })
})

describe('startConsumer', () => {
  it('has nothing to do without handlers, and refuses two for one type', async () => {
    const { pool, url: databaseUrl } = service
    const onFatal = () => {}
    const transport = openTransport({ settings: {}, clientId: 'test', pool, databaseUrl, log: quiet, onFatal })
    const idle = consume(service, transport, { name: 'idle', handlers: [] })
    expect(idle.isReady()).toBe(true)
    await idle.stop()
    expect(() => consume(service, transport, { name: 'two', handlers: [thingModel(), thingModel()] })).toThrow(
      /two handlers/,
    )
    await transport.close()
  })

  it('forgets what was handled long ago', async () => {
    const add = (days: number) =>
      service.asAdmin(
        `insert into ${service.name}.inbox (consumer, event_id, source, handled_at)
         select 'purged', g || '-' || $1::integer, '/x', now() - $1::integer * interval '1 day' from generate_series(1, 1500) g`,
        [days],
      )
    await add(13)
    await add(15)
    expect(await purgeInbox(service.db, 'purged', 14)).toBe(1_500)
    expect(await purgeInbox(service.db, 'purged', 14)).toBe(0)
    expect(await purgeInbox(service.db, 'purged', 0)).toBe(1_500)
  })
})

function fail(): never {
  throw new Error('poison')
}
