import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { DEVELOPMENT_SECRET } from '@platform/config/env.ts'
import type { ModerationStatus } from '@platform/contracts/shapes.ts'
import type { Answer, Refusal } from '@platform/testing/client.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { onServer } from '@platform/testing/server.ts'
import { ServiceCaller } from '@platform/testing/service-client.ts'
import { sql } from 'kysely'
import type pg from 'pg'
import { type Place, recount } from '../src/items/totals.ts'
import type { TransitionRecord } from '../src/transitions/transition-record.ts'
import { type Harness, newGroupState, startHarness } from './harness.ts'

let moderation: Harness
beforeAll(async () => {
  moderation = await startHarness({ DATABASE_POOL_SIZE: '24' })
})
afterAll(() => moderation.stop())

type Outcome = Answer<TransitionRecord & Refusal>

function decide(groupId: string, status: ModerationStatus): Promise<Outcome> {
  return moderation
    .caller(['user', 'moderator'])
    .post<TransitionRecord & Refusal>(`/moderation/groups/${groupId}/transitions`, { status })
}

/**
 * Holds an item's row until as many requests wait for it as were made: so all of them have seen the same, and none has
 * written.
 */
async function whileHeld<T>(
  groupId: string,
  requests: () => Promise<T>[],
  meanwhile: (client: pg.Client) => Promise<unknown> = async () => {},
): Promise<T[]> {
  return onServer(moderation.database.urlFor('moderation'), async (client) => {
    await client.query('begin')
    await client.query('select from item where entity_id = $1 for update', [groupId])
    const running = requests()
    // Asked outside of the transaction, which would see the same activity for as long as it lasts.
    await eventually(async () => {
      const { rows } = await sql<{ waiting: number }>`
        select count(*) as waiting from pg_stat_activity
        where datname = current_database() and usename = 'moderation' and wait_event_type = 'Lock'`.execute(
        moderation.db,
      )
      expect(rows[0]?.waiting).toBe(running.length)
    })
    await meanwhile(client)
    await client.query('commit')
    return Promise.all(running)
  })
}

function outcomes(answers: Outcome[]) {
  const succeeded = answers.filter(({ status }) => status === 200)
  return {
    statuses: answers.map(({ status }) => status).sort(),
    records: new Set(succeeded.map(({ body }) => body.id)).size,
  }
}

describe('twenty moderators at once', () => {
  it('who say the same all get the one record', async () => {
    const group = await moderation.group()
    const answers = await whileHeld(group.id, () => Array.from({ length: 20 }, () => decide(group.id, 'rejected')))
    expect(outcomes(answers)).toEqual({ statuses: Array(20).fill(200), records: 1 })
    await eventually(() => expect(moderation.published(group.id)).toHaveLength(1))
  })

  it('who disagree: the first wins with those who said the same, the others get 409', async () => {
    const group = await moderation.group()
    const answers = await whileHeld(group.id, () =>
      Array.from({ length: 20 }, (_, index) => decide(group.id, index % 2 === 0 ? 'approved' : 'rejected')),
    )
    expect(outcomes(answers)).toEqual({ statuses: [...Array(10).fill(200), ...Array(10).fill(409)], records: 1 })
  })

  it('are judged the same when all of them are the first to speak of a group', async () => {
    const state = newGroupState()
    moderation.groups.groups.set(state.id, { version: 1, state })
    const { promise, resolve } = Promise.withResolvers<void>()
    moderation.groups.gate = promise
    const running = Array.from({ length: 20 }, (_, index) =>
      decide(state.id, index % 2 === 0 ? 'approved' : 'rejected'),
    )
    await eventually(() => expect(moderation.groups.asked.filter((id) => id === state.id)).toHaveLength(20))
    resolve()
    const answers = await Promise.all(running)
    expect(outcomes(answers)).toEqual({ statuses: [...Array(10).fill(200), ...Array(10).fill(409)], records: 1 })
  })
})

describe('a request that was on its way while the group was decided on', () => {
  const vouchedFor = (seconds: number) =>
    new ServiceCaller(
      moderation.url,
      DEVELOPMENT_SECRET,
      { roles: ['moderator'] },
      { now: () => moderation.advance(0).getTime() + seconds * 1000 },
    )
  const path = (groupId: string) => `/moderation/groups/${groupId}/transitions`

  it('is refused, unless it says the same, and decides anew when it comes after', async () => {
    const group = await moderation.group()
    const { body } = await decide(group.id, 'rejected')
    const overtaken = vouchedFor(-2)
    expect((await overtaken.post(path(group.id), { status: 'approved' })).status).toBe(409)
    expect(await overtaken.post(path(group.id), { status: 'rejected' })).toMatchObject({ status: 200, body })
    expect((await vouchedFor(0).post(path(group.id), { status: 'approved' })).status).toBe(200)
  })

  it('is not refused for a decision of its own caller', async () => {
    const group = await moderation.group()
    const agent = vouchedFor(-2)
    expect((await agent.post(path(group.id), { status: 'review' })).status).toBe(200)
    expect((await agent.post(path(group.id), { status: 'approved' })).status).toBe(200)
  })
})

describe('a decision and an edit at once', () => {
  it('refuses the decision when the edit was first', async () => {
    const group = await moderation.group()
    const [answer] = await whileHeld(
      group.id,
      () => [decide(group.id, 'approved')],
      (client) =>
        client.query('update item set content_revision = 2, content_version = 2 where entity_id = $1', [group.id]),
    )
    expect([answer?.status, answer?.body.errors[0]?.code]).toEqual([409, 'conflict'])
  })

  it('answers 404 when the group was deleted first', async () => {
    const group = await moderation.group()
    const [answer] = await whileHeld(
      group.id,
      () => [decide(group.id, 'approved')],
      (client) => client.query('update item set deleted_at = now() where entity_id = $1', [group.id]),
    )
    expect(answer?.status).toBe(404)
    await moderation.db.updateTable('item').set({ deleted_at: null }).where('entity_id', '=', group.id).execute()
  })

  it('never leaves edited content rejected by a decision on what was there before', async () => {
    for (let round = 0; round < 15; round++) {
      const group = await moderation.group()
      const [{ status }] = await Promise.all([decide(group.id, 'rejected'), moderation.edit(group)])
      const item = await moderation.db
        .selectFrom('item')
        .select(['status', 'content_revision', 'status_revision'])
        .where('entity_id', '=', group.id)
        .executeTakeFirstOrThrow()
      expect(item.content_revision).toBe(2)
      if (status === 409) expect(item).toMatchObject({ status: 'posted', status_revision: null })
      else if (item.status === 'rejected') expect(item.status_revision).toBe(2)
      else expect(item).toMatchObject({ status: 'review', status_revision: 2 })
    }
  })
})

it('items that pass each other never wait for each other in the totals', async () => {
  const entityId = randomUUID()
  const [from, to] = [
    { entity_type: 'comment', status: 'review' },
    { entity_type: 'comment', status: 'flagged' },
  ] as const
  const pass = (way: { from: Place; to: Place }) =>
    moderation.db.transaction().execute((trx) => recount(trx, entityId, way))
  await Promise.all(
    Array.from({ length: 300 }, (_, index) => pass(index % 2 === 0 ? { from, to } : { from: to, to: from })),
  )
  expect((await moderation.totals()).kept.filter(({ entity_type }) => entity_type === 'comment')).toEqual([])
})

it('keeps exact totals through all of this', async () => {
  const { kept, counted } = await moderation.totals()
  expect(kept).toEqual(counted)
})
