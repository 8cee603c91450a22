import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { eventually } from '@platform/testing/eventually.ts'
import { onServer } from '@platform/testing/server.ts'
import type { EventTransport } from '../src/transport.ts'
import { startTestService, type TestService } from './harness.ts'
import { collect, firstByKey, openAt, placeInLog, series, type TransportPlace } from './transports.ts'

let service: TestService
let place: TransportPlace
let log: EventTransport
beforeAll(async () => {
  service = await startTestService()
})
afterAll(() => service.close())
beforeEach(async () => {
  place = placeInLog(service.url)
  log = openAt(place)
  await log.ensureTopics(['orders'])
})
afterEach(() => log.close())

const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']

/** Ends connections of the service that are called so. */
const cut = (applicationName: string) =>
  service.asAdmin(
    'select pg_terminate_backend(pid) from pg_stat_activity where usename = $1 and application_name = $2',
    [service.name, applicationName],
  )

describe('the embedded log', () => {
  it.each(['topic', 'partition', 'record', 'group_offset', 'member', 'assignment', 'consumer_group'])(
    'keeps services away from its table %s',
    async (table) => {
      for (const statement of [`select from event_log.${table}`, `delete from event_log.${table}`]) {
        await expect(service.pool.query(statement)).rejects.toThrow(/permission denied for table/)
      }
    },
  )

  it('keeps services from making anything in its schema', async () => {
    await expect(service.pool.query('create table event_log.own (id integer)')).rejects.toThrow(/permission denied/)
  })

  it('keeps a group for the role that began it', async () => {
    const first = collect(log, { group: 'readers', topics: ['orders'] })
    await eventually(() => expect(first.isReady()).toBe(true))
    await service.asAdmin('update event_log.consumer_group set owner = current_user where name = $1', [
      `${place.prefix}readers`,
    ])
    const heartbeat = service.pool.query('select event_log.heartbeat($1, $2, $3, 1000)', [
      `${place.prefix}readers`,
      'x',
      [],
    ])
    await expect(heartbeat).rejects.toThrow(/belongs to another role/)
  })

  it('goes on with a partition that was to be handed over and was given back before that', async () => {
    let letGo = () => {}
    const gate = new Promise<void>((resolve) => {
      letGo = resolve
    })
    const told: boolean[] = []
    const collector = collect(log, {
      group: 'readers',
      topics: ['orders'],
      handle: async ({ signal }) => {
        await gate
        told.push(signal.aborted)
        signal.throwIfAborted()
      },
    })
    await log.send(series('orders', keys, 1))
    const members = () =>
      service.asAdmin('select from event_log.member where consumer_group = $1', [`${place.prefix}readers`])
    await eventually(() => expect(collector.isReady()).toBe(true))
    // While every partition is busy, somebody comes who is to have some of them, and goes again.
    const elsewhere = openAt(place)
    const other = collect(elsewhere, { group: 'readers', topics: ['orders'] })
    await eventually(async () => expect(await members()).toHaveLength(2))
    await eventually(() => expect(other.isReady()).toBe(true))
    await elsewhere.close()
    await eventually(async () => expect(await members()).toHaveLength(1))
    letGo()
    await eventually(() => expect(firstByKey(collector.received)).toEqual(firstByKey(series('orders', keys, 1))))
    expect(told).toContain(true)
    await collector.stop()
  })

  it('goes on after every connection was cut', async () => {
    const collector = collect(log, { group: 'readers', topics: ['orders'] })
    await log.send(series('orders', keys, 3))
    await eventually(() => expect(collector.received).toHaveLength(24))
    await cut('readers events')
    await cut('transport test')
    await eventually(() => log.send(series('orders', keys, 3, 3)))
    await eventually(() => expect(firstByKey(collector.received)).toEqual(firstByKey(series('orders', keys, 6))))
    await eventually(() => expect(log.isHealthy()).toBe(true))
  })

  it('goes on after a read failed while the log was about to say what is owned', async () => {
    const collector = collect(log, {
      group: 'readers',
      topics: ['orders'],
      handle: async ({ signal }) => signal.throwIfAborted(),
    })
    await log.send(series('orders', keys, 1))
    await eventually(() => expect(collector.received).toHaveLength(8))
    await onServer(service.adminUrl, async (admin) => {
      const group = `${place.prefix}readers`
      await admin.query('begin')
      await admin.query('lock table event_log.record in access exclusive mode')
      await admin.query(`select pg_advisory_xact_lock(hashtextextended('event_log group ' || $1, 0))`, [group])
      const waiting = `select from pg_stat_activity
        where usename = $1 and application_name = any ($2) and wait_event_type = 'Lock'`
      const both = [service.name, ['readers events', 'transport test']]
      await eventually(async () => expect(await service.asAdmin(waiting, both)).toHaveLength(2))
      await cut('transport test')
      await eventually(() => expect(collector.isReady()).toBe(false))
      await admin.query('rollback')
    })
    await log.send(series('orders', keys, 1, 1))
    await eventually(() => expect(firstByKey(collector.received)).toEqual(firstByKey(series('orders', keys, 2))))
  })

  it('takes back the partitions of a member that is not heard of, though its connection stands', async () => {
    await log.send(series('orders', keys, 3))
    const group = `${place.prefix}readers`
    const frozen = await service.pool.connect()
    await frozen.query(`select pg_advisory_lock(hashtextextended('event_log member frozen', 0))`)
    const beat = 'select * from event_log.heartbeat($1, $2, $3, $4)'
    const { rows } = await frozen.query(beat, [group, 'frozen', [`${place.prefix}orders`], 300])
    expect(rows).toHaveLength(12)
    const collector = collect(log, { group: 'readers', topics: ['orders'] })
    await eventually(() => expect(firstByKey(collector.received)).toEqual(firstByKey(series('orders', keys, 3))))
    const commit = 'select event_log.commit($1, $2, $3, 0, 99) as committed'
    const late = await frozen.query(commit, [group, 'frozen', `${place.prefix}orders`])
    expect(late.rows).toEqual([{ committed: false }])
    frozen.release(true)
  })

  it('gives offsets without holes in the order of commits, with many senders at once', async () => {
    const senders = Array.from({ length: 6 }, () => openAt(place))
    await Promise.all(
      senders.map(async (sender, index) => {
        for (let turn = 0; turn < 20; turn++)
          await sender.send(series('orders', [...keys].reverse(), 2, index * 100 + turn))
      }),
    )
    await Promise.all(senders.map((sender) => sender.close()))
    const rows = await service.asAdmin<{ offsets: number; last: number }>(
      'select count(*) as offsets, max("offset") + 1 as last from event_log.record where topic = $1 group by partition',
      [`${place.prefix}orders`],
    )
    expect(rows.reduce((sum, { offsets }) => sum + offsets, 0)).toBe(6 * 20 * 16)
    for (const { offsets, last } of rows) expect(offsets).toBe(last)
  })

  it('forgets what is old and read by every group, in batches', async () => {
    const topic = `${place.prefix}orders`
    await log.send(series('orders', keys, 10))
    const reader = collect(log, { group: 'readers', topics: ['orders'] })
    await eventually(() => expect(reader.received).toHaveLength(80))
    await reader.stop()
    const left = async () => (await service.asAdmin('select from event_log.record where topic = $1', [topic])).length
    const purge = async () => (await service.pool.query('select event_log.purge(30) as purged')).rows[0].purged
    expect(await purge()).toBe(0)
    await service.asAdmin(`update event_log.record set appended_at = now() - interval '15 days' where topic = $1`, [
      topic,
    ])
    expect([await purge(), await purge(), await purge()]).toEqual([30, 30, 20])
    await log.send(series('orders', keys, 5, 10))
    await service.asAdmin(`update event_log.record set appended_at = now() - interval '15 days' where topic = $1`, [
      topic,
    ])
    // A group that was away for so long still gets it.
    expect(await purge()).toBe(0)
    expect(await left()).toBe(40)
    const again = collect(log, { group: 'readers', topics: ['orders'] })
    await eventually(() => expect(firstByKey(again.received)).toEqual(firstByKey(series('orders', keys, 5, 10))))
  })
})
