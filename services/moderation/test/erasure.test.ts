import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { erasurePartEvents, erasureRequested, NOBODY } from '@platform/contracts/erasure.ts'
import type { GroupState } from '@platform/contracts/groups.ts'
import type { CloudEvent } from '@platform/events/cloud-event.ts'
import type { Page } from '@platform/http/paging.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { onServer } from '@platform/testing/server.ts'
import type { TransitionRecord } from '../src/transitions/transition-record.ts'
import { type Harness, startHarness } from './harness.ts'

let moderation: Harness
beforeAll(async () => {
  moderation = await startHarness({ ERASURE_BATCH_SIZE: '2', REPORT_THRESHOLD: '5' })
  await moderation.transport.ensureTopics([erasureRequested.topic, erasurePartEvents('moderation').completed.topic])
})
afterAll(() => moderation.stop())

/** Requests an erasure as the groups service does, and waits for the part. @returns the events about it, in order */
async function erase(userId: string, { times = 1, time = '2026-01-01T10:00:00.000Z' } = {}): Promise<CloudEvent[]> {
  const id = randomUUID()
  const event = {
    specversion: '1.0',
    id: randomUUID(),
    source: '/services/groups',
    type: erasureRequested.type,
    subject: id,
    time,
    datacontenttype: 'application/json',
    entityversion: 1,
    data: { id, userId, services: ['groups', 'social', 'moderation'], requestedAt: time },
  }
  const message = { topic: erasureRequested.topic, key: id, value: JSON.stringify(event) }
  await moderation.transport.send(Array.from({ length: times }, () => message))
  return eventually(async () => {
    const told = await published(id)
    expect(told.at(-1)?.type).toBe(erasurePartEvents('moderation').completed.type)
    return told
  })
}

function published(key: string): Promise<CloudEvent[]> {
  return onServer(moderation.database.adminUrl, async (client) => {
    const { rows } = await client.query<{ value: string }>(
      'select value from event_log.record where topic = $1 and key = $2 order by "offset"',
      [erasurePartEvents('moderation').completed.topic, key],
    )
    return rows.map(({ value }) => JSON.parse(value))
  })
}

async function trailOf(groupId: string): Promise<TransitionRecord[]> {
  const path = `/moderation/groups/${groupId}/transitions`
  return (await moderation.moderator.get<Page<TransitionRecord>>(path)).body.data
}

/** A group that somebody else owns, which moderators have rejected: the next edit puts it in review. */
async function rejectedGroup(): Promise<GroupState> {
  const group = await moderation.group()
  const path = `/moderation/groups/${group.id}/transitions`
  expect((await moderation.moderator.post(path, { status: 'rejected' })).status).toBe(200)
  return group
}

/** The service's tables in which a row names somebody. */
async function traces(id: string): Promise<string[]> {
  return onServer(moderation.database.adminUrl, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      "select format('moderation.%I', tablename) as name from pg_tables where schemaname = 'moderation'",
    )
    const found: string[] = []
    for (const { name } of rows) {
      const { rowCount } = await client.query(`select from ${name} as row where row::text like $1 limit 1`, [`%${id}%`])
      if (rowCount) found.push(name)
    }
    return found
  })
}

describe("moderation's part of an erasure", () => {
  it('keeps reports and their number, without the reporters and what they said', async () => {
    const [ana, ben] = [moderation.caller(), moderation.caller()]
    const groups = await Promise.all([moderation.group(), moderation.group(), moderation.group()])
    for (const { id } of groups) {
      for (const reporter of [ana, ben]) {
        const report = { entityType: 'group', entityId: id, reason: 'spam', comment: 'I was there' }
        expect((await reporter.post('/reports', report)).status).toBe(201)
      }
    }
    // Both reported the same content in the same round.
    const told = await erase(ana.id)
    await erase(ben.id)
    expect(told.map(({ entityversion, data }) => [entityversion, (data as { erased: number }).erased])).toEqual([
      [1, 2],
      [2, 3],
      [3, 3],
    ])
    const reports = await moderation.db.selectFrom('report').selectAll().execute()
    expect(new Set(reports.map(({ reporter_id }) => reporter_id)).size).toBe(6)
    for (const report of reports) {
      expect([ana.id, ben.id]).not.toContain(report.reporter_id)
      expect(report).toMatchObject({ reason: 'spam', comment: null })
    }
    const items = await moderation.db.selectFrom('item').select('open_report_count').execute()
    expect(items.map(({ open_report_count }) => open_report_count)).toEqual([2, 2, 2])
  })

  it('keeps the trail, without who decided and on whose content', async () => {
    const moderator = moderation.caller(['user', 'moderator'])
    const agentId = randomUUID()
    const owner = randomUUID()
    const group = await moderation.group({ ownerId: owner })
    const path = `/moderation/groups/${group.id}/transitions`
    await moderator.post(path, { status: 'review' })
    await moderator.post(path, { status: 'flagged', agentId })
    await erase(moderator.id)
    expect((await trailOf(group.id)).map(({ actorId, subjectId }) => [actorId, subjectId])).toEqual([
      [agentId, owner],
      [NOBODY, owner],
    ])
    const callers = await moderation.db
      .selectFrom('transition')
      .select('caller_id')
      .where('entity_id', '=', group.id)
      .execute()
    expect(callers).toEqual([{ caller_id: NOBODY }, { caller_id: NOBODY }])
    await erase(owner)
    for (const { subjectId } of await trailOf(group.id)) expect(subjectId).toBe(NOBODY)
  })

  it('forgets an owner whose content changes hands after its part was done', async () => {
    const owner = randomUUID()
    const group = await moderation.group({ ownerId: owner })
    await erase(owner)
    const path = `/moderation/groups/${group.id}/transitions`
    await moderation.moderator.post(path, { status: 'rejected' })
    // The groups service has not had its turn yet: they still edit it.
    const updatedAt = moderation.advance(1).toISOString()
    await moderation.edit(group, { updatedAt }, owner)
    expect((await trailOf(group.id))[0]).toMatchObject({ actorId: owner, subjectId: owner })
    const heir = randomUUID()
    await moderation.edit({ ...group, contentRevision: 2 }, { ownerId: heir, contentRevision: 2 }, '')
    const trail = await trailOf(group.id)
    expect(trail.map(({ actorId, subjectId }) => [actorId, subjectId])).toEqual([
      [NOBODY, NOBODY],
      [moderation.moderator.id, NOBODY],
    ])
  })

  it('is done once for a request that comes again', async () => {
    expect(await erase(randomUUID(), { times: 3 })).toHaveLength(1)
    const jobs = await moderation.db.selectFrom('erasure_job').selectAll().execute()
    expect(jobs).toEqual([])
  })
})

describe('an edit that arrives after the part of whoever made it', () => {
  it('does not name them if they had made it before', async () => {
    const editor = randomUUID()
    const groups = await Promise.all([rejectedGroup(), rejectedGroup()])
    await erase(editor)
    for (const group of groups) await moderation.edit(group, {}, editor)
    for (const { id, ownerId } of groups) {
      expect((await trailOf(id))[0]).toMatchObject({ newStatus: 'review', actorId: NOBODY, subjectId: ownerId })
      await eventually(async () => expect(moderation.published(id)).toHaveLength(2))
      expect(JSON.stringify(moderation.published(id))).not.toContain(editor)
    }
    expect(await traces(editor)).toEqual([])
  })

  it('is theirs if they made it after they had come back', async () => {
    const editor = randomUUID()
    const group = await rejectedGroup()
    await erase(editor)
    const updatedAt = moderation.advance(1).toISOString()
    await moderation.edit(group, { updatedAt }, editor)
    expect((await trailOf(group.id))[0]).toMatchObject({ newStatus: 'review', actorId: editor })
  })

  it('is told without them if they made it before they asked, whatever the clock here says', async () => {
    const editor = randomUUID()
    const group = await rejectedGroup()
    const updatedAt = '2999-01-01T10:00:00.000Z'
    await erase(editor, { time: updatedAt })
    await erase(editor)
    await moderation.edit(group, { updatedAt }, editor)
    expect((await trailOf(group.id))[0]).toMatchObject({ newStatus: 'review', actorId: NOBODY })
  })

  it('is waited for while it is at work', async () => {
    const editor = randomUUID()
    const group = await rejectedGroup()
    let erasing: Promise<CloudEvent[]> | undefined
    let editing: Promise<GroupState> | undefined
    await onServer(moderation.database.adminUrl, async (client) => {
      const waiting = (lock: string) =>
        eventually(async () => {
          const { rowCount } = await client.query(
            `select from pg_locks join pg_stat_activity using (pid)
             where datname = current_database() and not granted and locktype = $1`,
            [lock],
          )
          expect(rowCount).toBe(1)
        })
      await client.query('begin')
      // The totals change after the trail.
      await client.query("select from moderation.item_total where status = 'review' for update")
      await client.query("select from moderation.item_total where status = 'rejected' for update")
      editing = moderation.edit(group, {}, editor)
      await waiting('transactionid')
      erasing = erase(editor)
      await waiting('advisory')
      await client.query('commit')
    })
    await editing
    await erasing
    expect((await trailOf(group.id))[0]).toMatchObject({ newStatus: 'review', actorId: NOBODY })
    expect(await traces(editor)).toEqual([])
  })
})
