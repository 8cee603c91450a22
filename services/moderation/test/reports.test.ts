import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Page } from '@platform/http/paging.ts'
import type { ServiceCaller } from '@platform/testing/service-client.ts'
import type { TransitionRecord } from '../src/transitions/transition-record.ts'
import { type Harness, newGroupState, startHarness } from './harness.ts'

let moderation: Harness
beforeAll(async () => {
  moderation = await startHarness()
})
afterAll(() => moderation.stop())

interface Report {
  id: string
  entityType: string
  entityId: string
  reason: string
  comment: string | null
  createdAt: string
}

const report = (groupId: string, reporter: ServiceCaller = moderation.caller(), fields: object = {}) =>
  reporter.post<Report>('/reports', { entityType: 'group', entityId: groupId, reason: 'spam', ...fields })

async function reportTimes(groupId: string, times: number): Promise<ServiceCaller[]> {
  const reporters = Array.from({ length: times }, () => moderation.caller())
  for (const reporter of reporters) expect((await report(groupId, reporter)).status).toBe(201)
  return reporters
}

async function decide(groupId: string, status: string): Promise<void> {
  const answer = await moderation.moderator.post(`/moderation/groups/${groupId}/transitions`, { status })
  expect(answer.status).toBe(200)
}

async function trailOf(groupId: string): Promise<TransitionRecord[]> {
  const path = `/moderation/groups/${groupId}/transitions`
  return (await moderation.moderator.get<Page<TransitionRecord>>(path)).body.data
}

function itemOf(groupId: string) {
  return moderation.db
    .selectFrom('item')
    .select(['status', 'open_report_count', 'content_version', 'content_revision'])
    .where('entity_id', '=', groupId)
    .executeTakeFirstOrThrow()
}

describe('POST /reports', () => {
  it('takes a report of anybody', async () => {
    const group = await moderation.group()
    const answer = await report(group.id.toUpperCase(), undefined, { comment: 'Ads only.' })
    expect([answer.status, answer.body]).toEqual([
      201,
      {
        id: expect.any(String),
        entityType: 'group',
        entityId: group.id,
        reason: 'spam',
        comment: 'Ads only.',
        createdAt: moderation.advance(0).toISOString(),
      },
    ])
    expect(await itemOf(group.id)).toMatchObject({ status: 'posted', open_report_count: 1 })
  })

  it('counts a person once, also after an edit', async () => {
    const group = await moderation.group()
    const reporter = moderation.caller()
    const statuses = [(await report(group.id, reporter)).status, (await report(group.id, reporter)).status]
    await moderation.edit(group)
    statuses.push((await report(group.id, reporter)).status)
    expect(statuses).toEqual([201, 409, 409])
    expect(await itemOf(group.id)).toMatchObject({ status: 'posted', open_report_count: 1 })
  })

  it('counts a person once who reports twenty times at once', async () => {
    const group = await moderation.group()
    const reporter = moderation.caller()
    const answers = await Promise.all(Array.from({ length: 20 }, () => report(group.id, reporter)))
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(19).fill(409)])
    expect((await itemOf(group.id)).open_report_count).toBe(1)
  })

  it('replays its answer for an Idempotency-Key', async () => {
    const group = await moderation.group()
    const reporter = moderation.caller()
    const body = { entityType: 'group', entityId: group.id, reason: 'spam' }
    const first = await reporter.post<Report>('/reports', body, { 'idempotency-key': 'one' })
    const again = await reporter.post<Report>('/reports', body, { 'idempotency-key': 'one' })
    expect([again.status, again.body]).toEqual([201, first.body])
    const other = await reporter.post('/reports', { ...body, reason: 'x' }, { 'idempotency-key': 'one' })
    expect(other.status).toBe(409)
  })

  it('flags what enough different people report, in the name of the last of them', async () => {
    const group = await moderation.group()
    const reporters = await reportTimes(group.id, 2)
    expect(await trailOf(group.id)).toEqual([])
    reporters.push(...(await reportTimes(group.id, 2)))
    expect(await trailOf(group.id)).toEqual([
      expect.objectContaining({
        previousStatus: 'posted',
        newStatus: 'flagged',
        reason: 'reports',
        actorId: reporters[2]?.id,
      }),
    ])
    expect(await itemOf(group.id)).toMatchObject({ status: 'flagged', open_report_count: 4 })
  })

  it('flags once in a storm', async () => {
    const group = await moderation.group()
    const answers = await Promise.all(Array.from({ length: 60 }, () => report(group.id)))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]))
    expect(await trailOf(group.id)).toHaveLength(1)
    expect(await itemOf(group.id)).toMatchObject({ status: 'flagged', open_report_count: 60 })
  })

  it('does not move what waits for a decision already', async () => {
    const group = await moderation.group()
    await decide(group.id, 'review')
    await reportTimes(group.id, 4)
    expect(await itemOf(group.id)).toMatchObject({ status: 'review', open_report_count: 4 })
  })

  it.each(['approved', 'rejected'])('is over when the content is %s: all reports are closed', async (status) => {
    const group = await moderation.group()
    const [reporter] = await reportTimes(group.id, 3)
    await decide(group.id, 'review')
    expect(await itemOf(group.id)).toMatchObject({ open_report_count: 3 })
    await decide(group.id, status)
    expect(await itemOf(group.id)).toMatchObject({ open_report_count: 0 })
    moderation.groups.groups.set(group.id, { version: 1, state: group })
    expect((await report(group.id, reporter)).status).toBe(409)
    expect((await report(group.id)).status).toBe(409)
  })

  it('is open again for everybody after an edit of what was approved', async () => {
    const group = await moderation.group()
    const [reporter] = await reportTimes(group.id, 3)
    await decide(group.id, 'approved')
    await moderation.edit(group)
    expect((await report(group.id, reporter)).status).toBe(201)
    await reportTimes(group.id, 2)
    expect((await trailOf(group.id))[0]).toMatchObject({
      previousStatus: 'approved',
      newStatus: 'flagged',
      contentRevision: 2,
    })
  })

  it('does not count a person again who reported what a decision was taken back on', async () => {
    const group = await moderation.group()
    const [reporter] = await reportTimes(group.id, 1)
    await decide(group.id, 'approved')
    await decide(group.id, 'review')
    expect((await report(group.id, reporter)).status).toBe(409)
    expect((await report(group.id)).status).toBe(201)
  })

  it('asks the groups service before it calls something decided, and follows an edit it had not heard of', async () => {
    const group = await moderation.group()
    await decide(group.id, 'rejected')
    moderation.groups.groups.set(group.id, { version: 2, state: { ...group, contentRevision: 2 } })
    expect((await report(group.id)).status).toBe(201)
    expect((await trailOf(group.id))[0]).toMatchObject({
      newStatus: 'review',
      actorId: group.ownerId,
      reason: 'edited',
    })
    // Its event comes late and is no news.
    await moderation.edit(group)
    expect(await trailOf(group.id)).toHaveLength(2)
  })

  it('does not go back to an answer that is older than what it has', async () => {
    const first = await moderation.group()
    const group = await moderation.edit(first)
    await decide(group.id, 'approved')
    moderation.groups.groups.set(group.id, { version: 1, state: first })
    expect((await report(group.id)).status).toBe(409)
    moderation.groups.groups.set(group.id, { version: 1, state: { ...first, contentRevision: 9 } })
    expect((await report(group.id)).status).toBe(409)
    expect(await itemOf(group.id)).toMatchObject({ content_version: 2, content_revision: 2 })
  })

  it('asks the groups service for what it has not heard of', async () => {
    const state = newGroupState()
    moderation.groups.groups.set(state.id, { version: 1, state })
    expect((await report(state.id)).status).toBe(201)
    expect((await report(randomUUID())).status).toBe(404)
    moderation.groups.isBroken = true
    try {
      expect((await report(randomUUID())).status).toBe(503)
      expect((await report(state.id)).status).toBe(201)
    } finally {
      moderation.groups.isBroken = false
    }
  })

  it('answers 404 for what was deleted, and for kinds of content that there are none of', async () => {
    const group = await moderation.group()
    await moderation.edit(group, { deletedAt: '2026-02-01T00:00:00.000Z' })
    expect((await report(group.id)).status).toBe(404)
    expect((await report(group.id, undefined, { entityType: 'post' })).status).toBe(404)
  })

  it.each<[string, object]>([
    ['no reason', { reason: undefined }],
    ['a blank reason', { reason: '  ' }],
    ['a reason of 501 characters', { reason: 'x'.repeat(501) }],
    ['a comment of 2,001 characters', { comment: 'x'.repeat(2001) }],
    ['an unknown type', { entityType: 'user' }],
    ['an id that is none', { entityId: '1' }],
  ])('refuses %s', async (_, fields) => {
    expect((await report((await moderation.group()).id, undefined, fields)).status).toBe(400)
  })

  it('needs the scope, where the caller has a key with scopes', async () => {
    const { id } = await moderation.group()
    expect((await report(id, moderation.caller(['user'], ['groups:write']))).status).toBe(403)
    expect((await report(id, moderation.caller(['user'], ['reports:write']))).status).toBe(201)
  })
})

it('reports and decisions at once leave the counts exact', async () => {
  for (let round = 0; round < 8; round++) {
    const group = await moderation.group()
    await Promise.all([
      ...Array.from({ length: 6 }, () => report(group.id)),
      moderation.moderator.post(`/moderation/groups/${group.id}/transitions`, { status: 'flagged' }),
      moderation.moderator.post(`/moderation/groups/${group.id}/transitions`, { status: 'rejected' }),
    ])
    const { open_report_count } = await itemOf(group.id)
    const { count } = await moderation.db
      .selectFrom('report')
      .innerJoin('item', (join) =>
        join.onRef('item.entity_id', '=', 'report.entity_id').onRef('item.report_round', '=', 'report.round'),
      )
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('report.entity_id', '=', group.id)
      .executeTakeFirstOrThrow()
    expect(open_report_count).toBe(count)
  }
  const { kept, counted } = await moderation.totals()
  expect(kept).toEqual(counted)
})
