import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { openDatabase } from '@platform/db/database.ts'
import { republish } from '@platform/events/republish.ts'
import { createLogger } from '@platform/log/logger.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { onServer } from '@platform/testing/server.ts'
import { sql } from 'kysely'
import type { Db, ModerationTables } from '../src/db/schema.ts'
import { groupKind } from '../src/groups/group-kind.ts'
import { followOwner } from '../src/items/follow-owner.ts'
import { findItem } from '../src/items/items.ts'
import type { EntityKind } from '../src/items/kind.ts'
import { readOpenReports, readQueue } from '../src/queue/queue.ts'
import { fileReport } from '../src/reports/reports.ts'
import { snapshots } from '../src/snapshots.ts'
import { listNotApproved } from '../src/subjects/not-approved.ts'
import { decide, listTransitions } from '../src/transitions/transitions.ts'
import { type Harness, newGroupState, startHarness } from './harness.ts'

let moderation: Harness
beforeAll(async () => {
  moderation = await startHarness()
})
afterAll(() => moderation.stop())

async function moveNewGroup(...statuses: string[]): Promise<string> {
  const state = newGroupState()
  moderation.groups.groups.set(state.id, { version: 1, state })
  for (const status of statuses) {
    const answer = await moderation.moderator.post(`/moderation/groups/${state.id}/transitions`, { status })
    expect(answer.status).toBe(200)
  }
  return state.id
}

it('the role of the service is refused on every other schema', async () => {
  const foreign = await onServer(moderation.database.adminUrl, async (client) => {
    const { rows } = await client.query<{ name: string; schema: string }>(
      `select format('%I.%I', schemaname, tablename) as name, schemaname as schema from pg_tables
       where schemaname in ('groups', 'gateway', 'event_log')`,
    )
    return rows
  })
  expect(new Set(foreign.map(({ schema }) => schema))).toEqual(new Set(['groups', 'gateway', 'event_log']))
  await onServer(moderation.database.urlFor('moderation'), async (client) => {
    for (const { name } of foreign) {
      for (const statement of [`select from ${name}`, `delete from ${name}`, `insert into ${name} default values`]) {
        await expect(client.query(statement)).rejects.toMatchObject({ code: '42501' })
      }
    }
    for (const schema of ['groups', 'gateway', 'event_log', 'public']) {
      await expect(client.query(`create table ${schema}.mine ()`)).rejects.toMatchObject({ code: '42501' })
    }
  })
})

it('the database refuses an audit trail with a hole or a double', async () => {
  const groupId = await moveNewGroup('review', 'approved')
  const double = sql`
    insert into transition select ${randomUUID()}::uuid, entity_type, entity_id, number, subject_id, actor_id, caller_id,
      previous_status, new_status, reason, comment, content_revision, created_at
    from transition where entity_id = ${groupId} and number = 2`
  await expect(double.execute(moderation.db)).rejects.toMatchObject({ constraint: 'transition_number_key' })
  const back = moderation.db.updateTable('item').set({ status: 'posted' }).where('entity_id', '=', groupId)
  await expect(back.execute()).rejects.toMatchObject({ constraint: 'item_posted_check' })
})

it('publishes where everything stands again, in pages', async () => {
  await moderation.group()
  const moved = await Promise.all([
    moveNewGroup('review'),
    moveNewGroup('flagged', 'approved'),
    moveNewGroup('review', 'rejected', 'approved'),
  ])
  await eventually(() => expect(moved.map((id) => moderation.published(id).length)).toEqual([1, 2, 3]))
  const { count } = await moderation.db
    .selectFrom('item')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('transition_count', '>', 0)
    .executeTakeFirstOrThrow()
  const [snapshot] = snapshots
  if (!snapshot) throw new Error('There is no snapshot.')
  const at = () => new Date()
  expect(await republish(moderation.db, snapshot, { at, batchSize: 2 })).toBe(count)
  await eventually(() => expect(moved.map((id) => moderation.published(id).length)).toEqual([2, 3, 4]))
  const [, , approved, again] = moderation.published(moved[2] ?? '')
  expect(again).toMatchObject({ snapshot: true, entityversion: 3, data: approved?.data })
})

describe('with 10,000 items', () => {
  const subjectId = randomUUID()
  let own: { db: Db; close(): Promise<void> }
  beforeAll(async () => {
    await onServer(moderation.database.urlFor('moderation'), async (client) => {
      await client.query(
        `insert into item (entity_type, entity_id, subject_id, content, content_revision, content_version, status,
           status_since, status_revision, transition_count, created_at, deleted_at, open_report_count)
         select 'group', gen_random_uuid(), case when n % 1000 = 0 then $1::uuid else gen_random_uuid() end,
           jsonb_build_object('id', gen_random_uuid(), 'name', 'Group ' || n), 1, 1,
           case when n % 10 = 0 then 'review' when n % 10 = 1 then 'flagged' when n % 10 = 2 then 'rejected' else 'posted' end,
           now() - n * interval '1 minute', case when n % 10 < 3 then 1 end, case when n % 10 < 3 then 1 else 0 end,
           now() - n * interval '1 minute', case when n % 50 = 0 then now() end, 1
         from generate_series(1, 10000) as n`,
        [subjectId],
      )
      await client.query(
        `insert into item_total select entity_type, status, 0, count(*) from item where deleted_at is null group by 1, 2
         on conflict (entity_type, status, slot) do update set total = item_total.total + excluded.total`,
      )
      await client.query(
        `insert into transition select gen_random_uuid(), entity_type, entity_id, 1, subject_id, subject_id, null,
           'posted', status, null, null, 1, status_since from item where transition_count = 1
         on conflict do nothing`,
      )
      await client.query(
        `insert into report select gen_random_uuid(), entity_type, entity_id, gen_random_uuid(), report_round, 1, 'spam',
           null, now() from item cross join generate_series(1, 2)`,
      )
      await client.query('analyze')
    })
    const log = createLogger({ service: 'test', level: 'silent', format: 'json' })
    const url = moderation.database.urlFor('moderation')
    own = openDatabase<ModerationTables>({ url, applicationName: 'test', log, poolSize: 1 })
  })
  afterAll(() => own.close())

  /** How often this connection's statements have read a table from end to end. */
  async function fullReads(): Promise<number> {
    await sql`select pg_stat_force_next_flush()`.execute(own.db)
    await sql`select pg_stat_clear_snapshot()`.execute(own.db)
    const { rows } = await sql<{ scans: number }>`
      select sum(seq_scan)::bigint as scans from pg_stat_user_tables
      where schemaname = 'moderation' and relname in ('item', 'transition', 'report')`.execute(own.db)
    return rows[0]?.scans ?? 0
  }

  const kind: EntityKind = groupKind({ get: async () => undefined })
  const cause = { at: new Date() }

  it.each<[string, (db: Db) => Promise<unknown>]>([
    ['the queue', (db) => readQueue(db, { page: 0, limit: 100 })],
    ['a late page of the queue', (db) => readQueue(db, { page: 15, limit: 100 })],
    ['the queue of one type', (db) => readQueue(db, { entityType: 'group', page: 1, limit: 10 })],
    ['the queue of one status', (db) => readQueue(db, { status: 'posted', page: 5, limit: 10 })],
    [
      'the reports of a page',
      async (db) => readOpenReports(db, (await readQueue(db, { page: 0, limit: 100 })).items, 5),
    ],
    ["a subject's list", (db) => listNotApproved(db, 'group', subjectId)],
    [
      'a decision with its trail',
      async (db) => {
        const { items } = await readQueue(db, { page: 0, limit: 1 })
        const item = items[0] && (await findItem(db, 'group', items[0].entity_id))
        if (!item) throw new Error('The queue is empty.')
        await db
          .transaction()
          .execute((trx) => decide(trx, kind, { item }, { to: 'rejected', actorId: item.subject_id }, cause))
        expect(await listTransitions(db, { ...item, transition_count: 2 }, { page: 0, limit: 10 })).toHaveLength(2)
      },
    ],
    [
      'a report',
      async (db) => {
        const [item] = (await readQueue(db, { status: 'posted', page: 0, limit: 1 })).items
        if (!item) throw new Error('Nothing is posted.')
        const report = { entityId: item.entity_id, reporterId: randomUUID(), reason: 'spam' }
        await db.transaction().execute((trx) => fileReport(trx, kind, { item }, report, 3, cause))
      },
    ],
    [
      'an event',
      (db) =>
        db
          .transaction()
          .execute((trx) => followOwner(trx, kind, { version: 1, state: newGroupState() }, undefined, cause)),
    ],
  ])('%s reads no table from end to end', async (_, work) => {
    const before = await fullReads()
    await work(own.db)
    expect(await fullReads()).toBe(before)
  })

  it('notices a full read', async () => {
    const before = await fullReads()
    await sql`select count(content) from item`.execute(own.db)
    expect(await fullReads()).toBe(before + 1)
  })
})
