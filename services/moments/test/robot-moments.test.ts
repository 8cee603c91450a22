import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { eventually } from '@platform/testing/eventually.ts'
import { findKafkaBrokers } from '@platform/testing/kafka.ts'
import type { Moment } from '../src/moments/shapes.ts'
import { capture, metadata, photo, uploadAll } from './captures.ts'
import { type MomentsPlatform, startMomentsPlatform } from './harness.ts'
import { openRobotTopic, type RobotTopic, toMessage, transportsOn } from './robot-topic.ts'

let moments: MomentsPlatform
let topic: RobotTopic

const rowsOf = (robotId: string) =>
  moments.db.selectFrom('moment').selectAll().where('robot_id', '=', robotId).orderBy('captured_at').execute()
const parkedOf = (robotId: string) =>
  moments.db.selectFrom('parked_event').select(['reason', 'error']).where('key', '=', robotId).orderBy('id').execute()
const inboxOf = async (ids: string[]) =>
  (await moments.db.selectFrom('inbox').select('event_id').where('event_id', 'in', ids).execute()).length

describe.each(transportsOn(findKafkaBrokers()))('captures on $on', ({ kafka }) => {
  beforeAll(async () => {
    moments = await startMomentsPlatform(
      kafka ? { KAFKA_BROKERS: kafka.brokers, KAFKA_TOPIC_PREFIX: kafka.topicPrefix } : {},
    )
    topic = await openRobotTopic(kafka, moments.platform.database)
  })
  afterAll(async () => {
    await topic.stop()
    await moments.stop()
  })

  it('become moments in effect once, however often they are sent', async () => {
    const robots = [randomUUID(), randomUUID(), randomUUID()]
    const captures = Array.from({ length: 300 }, (_, i) =>
      capture(robots[i % 3] ?? '', { capturedAt: new Date(1_700_000_000_000 + i * 1_000).toISOString() }),
    )
    const messages = captures.map((each) => toMessage(each))
    // Once as it is, once with the same ids, once with new ids as from another process of theirs.
    await topic.send(messages)
    await topic.send([...messages, ...captures.map((each) => toMessage(each))])
    // Behind all of them, so that the repetitions have been handled when these are there.
    await topic.send(robots.map((robotUUID) => toMessage(capture(robotUUID))))
    await eventually(async () => {
      const found = await Promise.all(robots.map(rowsOf))
      expect(found.map(({ length }) => length)).toEqual([101, 101, 101])
    })
    const ids = messages.map(({ value }): string => JSON.parse(value).id)
    expect(await inboxOf(ids)).toBe(300)
    const { count } = await moments.db
      .selectFrom('media')
      .innerJoin('moment', 'moment.id', 'media.moment_id')
      .select((of) => of.fn.countAll<number>().as('count'))
      .where('robot_id', 'in', robots)
      .executeTakeFirstOrThrow()
    expect(count).toBe(303)
  })

  it('store the same as a post of them, and a later post finds the moment', async () => {
    const robotUUID = randomUUID()
    const body = capture(robotUUID, {
      timeZone: 'America/New_York',
      capturedAt: '2026-07-04T16:00:00Z',
      title: 'Lunch',
    })
    await topic.send([toMessage(body)])
    const row = await eventually(async () => {
      const [found] = await rowsOf(robotUUID)
      if (!found) throw new Error('It is not there yet.')
      return found
    })
    expect(row).toMatchObject({ local_at: '2026-07-04 12:00:00', time_zone: 'America/New_York', title: 'Lunch' })
    const answer = await moments.service.post<Moment>('/moments', body)
    expect([answer.status, answer.body.uuid]).toEqual([200, row.id])
  })

  it('take uploads, with a thumbnail', async () => {
    const { robotId, viewer } = await moments.cast()
    const media = await uploadAll(moments.service, robotId, [await photo(), metadata()])
    await topic.send([toMessage(capture(robotId, { media }))])
    const row = await eventually(async () => {
      const [found] = await rowsOf(robotId)
      if (!found) throw new Error('It is not there yet.')
      return found
    })
    const { body } = await viewer.get<Moment>(`/moments/${row.id}`)
    expect(body.media.map(({ kind }) => kind)).toEqual(['image', 'metadata', 'thumbnail'])
  })

  it('are dropped when the moment is in the trash or purged', async () => {
    const robotUUID = randomUUID()
    const [trashed, purged] = [capture(robotUUID), capture(robotUUID)]
    for (const [body, deleted] of [
      [trashed, { deleted_at: new Date() }],
      [purged, { deleted_at: new Date(), purge_started_at: new Date(), purged_at: new Date() }],
    ] as const) {
      const { body: moment } = await moments.service.post<Moment>('/moments', body)
      await moments.db.updateTable('moment').set(deleted).where('id', '=', moment.uuid).execute()
    }
    const messages = [toMessage(trashed), toMessage(purged)]
    await topic.send(messages)
    await eventually(async () => {
      expect(await inboxOf(messages.map(({ value }): string => JSON.parse(value).id))).toBe(2)
    })
    expect(await parkedOf(robotUUID)).toEqual([])
    expect((await rowsOf(robotUUID)).map(({ deleted_at }) => deleted_at === null)).toEqual([false, false])
  })

  it('are parked when they are wrong, while those of other robots go on', async () => {
    const [bad, worse, good] = [randomUUID(), randomUUID(), randomUUID()]
    const messages = [
      toMessage(capture(good)),
      toMessage(capture(bad, { timeZone: 'Mars/Olympus' })),
      toMessage(capture(good)),
      toMessage(capture(worse), { data: { robotUUID: worse } }),
      toMessage(capture(bad)),
      ...Array.from({ length: 50 }, () => toMessage(capture(good))),
    ]
    await topic.send(messages)
    await eventually(async () => {
      expect(await rowsOf(good)).toHaveLength(52)
      expect((await parkedOf(bad)).map(({ reason }) => reason)).toEqual(['failed', 'behind'])
      expect((await parkedOf(worse)).map(({ reason }) => reason)).toEqual(['invalid'])
    })
    expect(await rowsOf(bad)).toEqual([])
  })

  it('are parked when they name an upload that never arrived', async () => {
    const robotUUID = randomUUID()
    await topic.send([toMessage(capture(robotUUID, { media: [{ kind: 'image', uploadUUID: randomUUID() }] }))])
    await eventually(async () => {
      expect(await parkedOf(robotUUID)).toEqual([{ reason: 'failed', error: expect.stringContaining('has no upload') }])
    })
  })
})
