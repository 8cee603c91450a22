import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { eventually } from '@platform/testing/eventually.ts'
import { Registry } from 'prom-client'
import { parseCloudEvent } from '../src/cloud-event.ts'
import { EmbeddedLog } from '../src/embedded-log.ts'
import { publish } from '../src/outbox.ts'
import { type Relay, startRelay } from '../src/relay.ts'
import type { EventTransport } from '../src/transport.ts'
import { quiet, startTestService, type TestService, thingChanged } from './harness.ts'
import { aroundSend } from './transports.ts'

let service: TestService
beforeAll(async () => {
  service = await startTestService()
})
afterAll(() => service.close())

let log: EventTransport
const relays: Relay[] = []
beforeEach(() => {
  log = new EmbeddedLog({ pool: service.pool, databaseUrl: service.url, log: quiet })
})
afterEach(async () => {
  await Promise.all(relays.splice(0).map((relay) => relay.stop()))
  await log.close()
})

const start = (transport = log, options: { pollMs?: number; registry?: Registry } = {}): Relay => {
  const { db, pool, url: databaseUrl } = service
  const relay = startRelay({ db, pool, databaseUrl, transport, log: quiet, pollMs: 50, ...options })
  relays.push(relay)
  return relay
}

const whenActive = (relay: Relay) => eventually(() => expect(relay.isActive).toBe(true))

/** What is in the log about a thing, in the order in which a consumer reads it. */
async function published(id: string): Promise<{ id: string; version: number }[]> {
  const rows = await service.asAdmin<{ value: string }>(
    'select value from event_log.record where key = $1 order by "offset"',
    [id],
  )
  return rows
    .map(({ value }) => parseCloudEvent(value))
    .map((event) => ({ id: event.id, version: event.entityversion }))
}

/** The versions as a consumer takes them that skips what it has seen. */
async function versions(id: string): Promise<number[]> {
  const events = new Map<string, number>()
  for (const { id: eventId, version } of await published(id)) if (!events.has(eventId)) events.set(eventId, version)
  return [...events.values()]
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

/** Ends the connection on which the active relay holds its lock. */
async function cutHolder(): Promise<void> {
  await service.asAdmin(
    `select pg_terminate_backend(l.pid) from pg_locks l join pg_stat_activity a using (pid)
     where l.locktype = 'advisory' and l.granted and a.application_name = 'outbox relay'
       and a.datname = current_database()`,
  )
}

describe('the relay', () => {
  it('sends an event whose transaction commits after one that began later', async () => {
    const relay = start()
    await whenActive(relay)
    let commit = () => {}
    const held = new Promise<void>((resolve) => {
      commit = resolve
    })
    let hasWritten = () => {}
    const written = new Promise<void>((resolve) => {
      hasWritten = resolve
    })
    const late = service.db.transaction().execute(async (trx) => {
      const event = { source: '/services/things', subject: 'late', entityVersion: 1, data: { id: 'late', name: 'x' } }
      await publish(trx, thingChanged, event, { at: new Date() })
      hasWritten()
      await held
    })
    await written
    for (const name of ['one', 'two', 'three']) await service.change('early', name)
    relay.wake()
    await eventually(async () => expect(await versions('early')).toEqual([1, 2, 3]))
    expect(await published('late')).toEqual([])
    commit()
    await late
    relay.wake()
    await eventually(async () => expect(await versions('late')).toEqual([1]))
  })

  it('keeps the order in which commands changed a thing, however many come at once', async () => {
    const relay = start()
    await Promise.all(upTo(60).map((turn) => service.change('busy', String(turn)).then(() => relay.wake())))
    await eventually(async () => expect(await versions('busy')).toEqual(upTo(60)))
    await eventually(async () => expect(await service.db.selectFrom('outbox').selectAll().execute()).toEqual([]))
  })

  it('sends the same event again when it dies between sending and noting that', async () => {
    let cuts = 0
    start(
      aroundSend(log, async (_messages, proceed) => {
        await proceed()
        if (cuts++ === 0) await cutHolder()
      }),
    )
    await service.change('twice', 'a')
    await service.change('twice', 'b')
    await eventually(async () => expect(await service.db.selectFrom('outbox').selectAll().execute()).toEqual([]))
    const events = await published('twice')
    expect(events.length).toBeGreaterThan(2)
    expect(new Set(events.map(({ id }) => id)).size).toBe(2)
    expect(await versions('twice')).toEqual([1, 2])
  })

  it('has one at work of two, and the other takes over when its connection is cut, again and again', async () => {
    const pair = [start(), start()]
    let last: Relay | undefined
    for (let turn = 0; turn < 6; turn++) {
      const active = await eventually(() => {
        const working = pair.filter((relay) => relay.isActive)
        expect(working).toHaveLength(1)
        return working[0]
      })
      last = active
      for (let change = 0; change < 10; change++) {
        await service.change('handed', `${turn}.${change}`)
        active?.wake()
        if (change === 5) await cutHolder()
      }
      await eventually(() => expect(pair.some((relay) => relay.isActive)).toBe(true))
    }
    expect(last).toBeDefined()
    await eventually(async () => expect(await versions('handed')).toEqual(upTo(60)))
  })

  it('cannot bring events out of order when it loses its lock while it is sending', async () => {
    let release = () => {}
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    let isSending = false
    let sends = 0
    const slow = start(
      aroundSend(log, async (_messages, proceed) => {
        isSending = true
        sends++
        await gate
        await proceed()
      }),
    )
    await whenActive(slow)
    for (const name of ['a', 'b']) await service.change('slow', name)
    slow.wake()
    await eventually(() => expect(isSending).toBe(true))
    const other = start()
    await cutHolder()
    await whenActive(other)
    for (const name of ['c', 'd']) await service.change('slow', name)
    other.wake()
    await eventually(async () => expect(await versions('slow')).toEqual([1, 2, 3, 4]))
    release()
    // What was under way arrives late, and is all that does.
    await eventually(async () => expect((await published('slow')).length).toBeGreaterThan(4))
    await eventually(() => expect(slow.isActive).toBe(false))
    expect(sends).toBe(1)
    expect(await versions('slow')).toEqual([1, 2, 3, 4])
  })

  it('waits for a broker that is away, then sends everything in order', async () => {
    let isAway = true
    let refusals = 0
    const relay = start(
      aroundSend(log, async (_messages, proceed) => {
        if (isAway) {
          refusals++
          throw new Error('The broker is away.')
        }
        await proceed()
      }),
    )
    for (const turn of upTo(20)) await service.change('patient', String(turn))
    await eventually(() => expect(refusals).toBeGreaterThan(2))
    expect(relay.isActive).toBe(true)
    isAway = false
    await eventually(async () => expect(await versions('patient')).toEqual(upTo(20)))
  })

  it('is woken by other processes, by a hint', async () => {
    const active = start(log, { pollMs: 600_000 })
    await whenActive(active)
    const standby = start(log, { pollMs: 600_000 })
    await service.change('hinted', 'x')
    standby.wake()
    await eventually(async () => expect(await versions('hinted')).toEqual([1]))
    expect(standby.isActive).toBe(false)
  })

  it('splits what would be too much for one request', async () => {
    const sizes: number[] = []
    const relay = start(
      aroundSend(log, async (messages, proceed) => {
        sizes.push(messages.reduce((sum, { value }) => sum + value.length, 0))
        await proceed()
      }),
      { pollMs: 600_000 },
    )
    for (const turn of upTo(8)) await service.change('large', String(turn).repeat(400_000))
    relay.wake()
    await eventually(async () => expect(await versions('large')).toEqual(upTo(8)))
    expect(Math.max(...sizes)).toBeLessThan(1_000_000)
  })

  it('shows what waits, what was sent and who is at work', async () => {
    const registry = new Registry()
    await service.change('measured', 'x')
    const away = start(
      aroundSend(log, async () => {
        throw new Error('The broker is away.')
      }),
      { registry },
    )
    const value = async (name: string) => (await registry.getSingleMetric(name)?.get())?.values[0]?.value
    await eventually(async () => expect(await value('outbox_send_failures_total')).toBeGreaterThan(0))
    expect(await value('outbox_unsent')).toBe(1)
    expect(await value('outbox_oldest_seconds')).toBeGreaterThan(0)
    expect(await value('outbox_relay_active')).toBe(1)
    await away.stop()
    expect(await value('outbox_relay_active')).toBe(0)
    const second = new Registry()
    start(log, { registry: second })
    await eventually(async () => {
      expect((await second.getSingleMetric('outbox_sent_total')?.get())?.values[0]?.value).toBe(1)
      expect((await second.getSingleMetric('outbox_unsent')?.get())?.values[0]?.value).toBe(0)
    })
    expect(await second.metrics()).toContain('outbox_delay_seconds_count 1')
  })
})

describe('publish', () => {
  it('refuses data that does not fit its schema, and what is too large to be sent', async () => {
    const write = (data: { id: string; name: string }) =>
      service.db.transaction().execute(async (trx) => {
        const event = { source: '/services/things', subject: 'bad', entityVersion: 1, data }
        await publish(trx, thingChanged, event, { at: new Date() })
      })
    const nameless: { id: string; name: string } = JSON.parse('{"id":"bad"}')
    await expect(write(nameless)).rejects.toThrow(/things.thing.changed.*name/)
    await expect(write({ id: 'bad', name: 'x'.repeat(1_000_000) })).rejects.toThrow(/too large/)
  })
})
