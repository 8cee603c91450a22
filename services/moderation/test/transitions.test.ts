import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { MODERATION_STATUSES, type ModerationStatus } from '@platform/contracts/shapes.ts'
import type { Role } from '@platform/http/assertion.ts'
import type { Page } from '@platform/http/paging.ts'
import type { Refusal } from '@platform/testing/client.ts'
import { eventually } from '@platform/testing/eventually.ts'
import type { TransitionRecord } from '../src/transitions/transition-record.ts'
import { type Harness, newGroupState, startHarness } from './harness.ts'

let moderation: Harness
beforeAll(async () => {
  moderation = await startHarness()
})
afterAll(() => moderation.stop())

const pathOf = (groupId: string) => `/moderation/groups/${groupId}/transitions`

/** A group that only the groups service knows of: what is asked for first is fetched there. */
function groupElsewhere(version = 1) {
  const state = newGroupState({ contentRevision: version })
  moderation.groups.groups.set(state.id, { version, state })
  return state
}

async function move(groupId: string, ...statuses: ModerationStatus[]): Promise<TransitionRecord[]> {
  const records: TransitionRecord[] = []
  for (const status of statuses) {
    const answer = await moderation.moderator.post<TransitionRecord>(pathOf(groupId), { status })
    expect(answer.status).toBe(200)
    records.push(answer.body)
  }
  return records
}

/** The steps by which a new group comes to stand somewhere. */
const WAY: Record<ModerationStatus, ModerationStatus[]> = {
  posted: [],
  review: ['review'],
  flagged: ['flagged'],
  approved: ['approved'],
  rejected: ['rejected'],
}

const refusalCode = ({ body }: { body: Refusal }) => body.errors[0]?.code

describe('POST /moderation/groups/{groupId}/transitions', () => {
  it('moves the group, answers with the record and publishes it', async () => {
    const { moderator } = moderation
    const group = await moderation.group()
    const answer = await moderator.post<TransitionRecord>(pathOf(group.id.toUpperCase()), {
      status: 'rejected',
      reason: 'spam',
      comment: 'Third time.',
      unknown: 'fields are ignored',
    })
    expect(answer.status).toBe(200)
    expect(answer.headers.etag).toBe('"1"')
    expect(answer.body).toEqual({
      id: expect.any(String),
      entityType: 'group',
      entityId: group.id,
      subjectId: group.ownerId,
      actorId: moderator.id,
      previousStatus: 'posted',
      newStatus: 'rejected',
      reason: 'spam',
      comment: 'Third time.',
      contentRevision: 1,
      createdAt: moderation.advance(0).toISOString(),
    })
    await eventually(() => expect(moderation.published(group.id)).toHaveLength(1))
    expect(moderation.published(group.id)[0]).toMatchObject({
      type: 'moderation.transition.recorded',
      source: '/services/moderation',
      subject: group.id,
      entityversion: 1,
      actorid: moderator.id,
      data: answer.body,
    })
  })

  it.each(MODERATION_STATUSES.flatMap((from) => MODERATION_STATUSES.map((to) => ({ from, to }))))(
    'answers $from to $to by the table',
    async ({ from, to }) => {
      const group = groupElsewhere()
      const earlier = await move(group.id, ...WAY[from])
      const answer = await moderation.moderator.post<TransitionRecord & Refusal>(pathOf(group.id), { status: to })
      const trail = await moderation.moderator.get<Page<TransitionRecord>>(pathOf(group.id))
      if (from === to && to !== 'posted') {
        expect([answer.status, answer.body]).toEqual([200, earlier.at(-1)])
        expect(trail.body.total).toBe(earlier.length)
      } else if (to === 'posted' || (from === 'rejected' && to === 'flagged')) {
        expect([answer.status, refusalCode(answer)]).toEqual([409, 'conflict'])
        expect(trail.body.total).toBe(earlier.length)
      } else {
        expect(answer.status).toBe(200)
        expect(answer.body).toMatchObject({ previousStatus: from, newStatus: to })
        expect(trail.body.data[0]).toEqual(answer.body)
      }
    },
  )

  it('records the agent as actor when one is named', async () => {
    const agentId = randomUUID()
    const answer = await moderation.moderator.post<TransitionRecord>(pathOf(groupElsewhere().id), {
      status: 'flagged',
      agentId: agentId.toUpperCase(),
    })
    expect(answer.body.actorId).toBe(agentId)
    const row = await moderation.db
      .selectFrom('transition')
      .select('caller_id')
      .where('id', '=', answer.body.id)
      .executeTakeFirstOrThrow()
    expect(row.caller_id).toBe(moderation.moderator.id)
  })

  it.each<{ who: string; roles: Role[]; scopes?: string[]; status: number }>([
    { who: 'a user', roles: ['user'], status: 403 },
    { who: 'a moderator', roles: ['user', 'moderator'], status: 200 },
    { who: 'an admin', roles: ['user', 'admin'], status: 200 },
    { who: 'an agent with the scope', roles: ['user', 'service'], scopes: ['moderation:write'], status: 200 },
    { who: 'a service with another scope', roles: ['user', 'service'], scopes: ['moments:write'], status: 403 },
    { who: "a moderator's key without the scope", roles: ['moderator'], scopes: ['groups:read'], status: 403 },
    { who: "a user's key that claims the scope", roles: ['user'], scopes: ['moderation:write'], status: 403 },
  ])('$who gets $status, also for the lists', async ({ roles, scopes, status }) => {
    const group = groupElsewhere()
    const caller = moderation.caller(roles, scopes)
    const answers = [
      await caller.post(pathOf(group.id), { status: 'review' }),
      await caller.get(pathOf(group.id)),
      await caller.get(`/moderation/subjects/${group.ownerId}/groups`),
      await caller.get('/moderation/queue'),
    ]
    expect(answers.map((answer) => answer.status)).toEqual([status, status, status, status])
  })

  it('answers 401 to whoever comes around the gateway', async () => {
    const { status } = await fetch(`${moderation.url}${pathOf(randomUUID())}`, {
      method: 'POST',
      headers: { 'x-current-user-id': randomUUID(), 'content-type': 'application/json' },
      body: '{"status":"review"}',
    })
    expect(status).toBe(401)
  })

  it.each<[string, unknown, string]>([
    ['no body', undefined, 'body is missing'],
    ['no status', {}, 'body.status is missing'],
    ['an unknown status', { status: 'gone' }, 'body.status must be one of'],
    ['a list of statuses', { status: ['review'] }, 'body.status'],
    ['a reason of 2,001 characters', { status: 'review', reason: 'x'.repeat(2001) }, 'body.reason'],
    ['a reason that is null', { status: 'review', reason: null }, 'body.reason'],
    ['an agent that is no UUID', { status: 'review', agentId: 'me' }, 'body.agentId'],
    ['a comment that is a number', { status: 'review', comment: 5 }, 'body.comment'],
    ['a NUL', { status: 'review', comment: 'a\0b' }, 'NUL'],
  ])('refuses %s', async (_, body, message) => {
    const group = groupElsewhere()
    const answer = await moderation.moderator.post(pathOf(group.id), body)
    expect([answer.status, refusalCode(answer)]).toEqual([400, 'validation'])
    expect(answer.body.errors[0]?.message).toContain(message)
    expect((await moderation.moderator.get<Page<TransitionRecord>>(pathOf(group.id))).body.total).toBe(0)
  })

  it('refuses an id that is none', async () => {
    expect((await moderation.moderator.post(pathOf('1'), { status: 'review' })).status).toBe(400)
  })

  describe('for a group that has not been heard of', () => {
    it('asks the groups service and keeps what it says', async () => {
      const group = groupElsewhere(4)
      const [record] = await move(group.id, 'flagged')
      expect(record).toMatchObject({ subjectId: group.ownerId, contentRevision: 4 })
      const asked = moderation.groups.asked.length
      await move(group.id, 'approved')
      expect(moderation.groups.asked).toHaveLength(asked)
    })

    it('answers 404 when the groups service has not heard of it either', async () => {
      const id = randomUUID()
      const answers = [
        await moderation.moderator.post(pathOf(id), { status: 'review' }),
        await moderation.moderator.get(pathOf(id)),
      ]
      expect(answers.map((answer) => [answer.status, refusalCode(answer)])).toEqual([
        [404, 'not_found'],
        [404, 'not_found'],
      ])
      expect(moderation.groups.asked).toContain(id)
    })

    it('answers 503 when the groups service does not answer, and goes on for what is known', async () => {
      const known = groupElsewhere()
      await move(known.id, 'review')
      moderation.groups.isBroken = true
      try {
        const answer = await moderation.moderator.post(pathOf(randomUUID()), { status: 'review' })
        expect([answer.status, refusalCode(answer), answer.headers['retry-after']]).toEqual([503, 'unavailable', '1'])
        await move(known.id, 'approved')
      } finally {
        moderation.groups.isBroken = false
      }
    })
  })

  it('answers 404 for a group that was deleted, and keeps its audit trail', async () => {
    const group = await moderation.group()
    const records = await move(group.id, 'flagged', 'rejected')
    await moderation.edit(group, { contentRevision: 1, deletedAt: '2026-02-01T00:00:00.000Z' })
    for (const status of ['rejected', 'approved']) {
      expect((await moderation.moderator.post(pathOf(group.id), { status })).status).toBe(404)
    }
    const trail = await moderation.moderator.get<Page<TransitionRecord>>(pathOf(group.id))
    expect([trail.status, trail.body.data]).toEqual([200, records.reverse()])
  })

  describe('with If-Match', () => {
    const decide = (groupId: string, header: string, status = 'approved') =>
      moderation.moderator.post(pathOf(groupId), { status }, { 'if-match': header })

    it('takes the current revision, and any with *', async () => {
      const group = await moderation.edit(await moderation.group())
      expect((await decide(group.id, '"2"')).headers.etag).toBe('"2"')
      expect((await decide(group.id, '*', 'rejected')).status).toBe(200)
    })

    it('refuses a decision on what has changed since, also to the status that it has', async () => {
      const group = await moderation.group()
      await move(group.id, 'approved')
      await moderation.edit(group)
      expect((await decide(group.id, '"1"', 'rejected')).status).toBe(409)
      expect((await decide(group.id, '"1"')).status).toBe(409)
      expect((await decide(group.id, '"2"')).status).toBe(200)
    })

    it.each(['1', 'W/"1"', '"1", "2"', '"x"', '"0"', '"-1"', '"1e1"', '""', '"99999999999999999999"'])(
      'refuses what it does not understand: %s',
      async (header) => {
        const answer = await decide(groupElsewhere().id, header)
        expect([answer.status, refusalCode(answer)]).toEqual([400, 'validation'])
      },
    )
  })

  describe('with an Idempotency-Key', () => {
    it('replays the first answer and adds nothing, also after the group is gone', async () => {
      const group = await moderation.group()
      const send = (status: string) =>
        moderation.moderator.post<TransitionRecord>(pathOf(group.id), { status }, { 'idempotency-key': group.id })
      const first = await send('review')
      await move(group.id, 'flagged')
      expect(await send('review')).toMatchObject({ status: 200, body: first.body })
      expect((await send('rejected')).status).toBe(409)
      await moderation.edit(group, { deletedAt: '2026-02-01T00:00:00.000Z' })
      expect(await send('review')).toMatchObject({ status: 200, body: first.body })
      expect((await moderation.moderator.get<Page<TransitionRecord>>(pathOf(group.id))).body.total).toBe(2)
    })
  })
})

describe('GET /moderation/groups/{groupId}/transitions', () => {
  it('gives the trail newest first, page by page, with its total', async () => {
    const group = groupElsewhere()
    const way: ModerationStatus[] = ['review', 'flagged', 'approved', 'rejected', 'review', 'approved', 'flagged']
    const records = (await move(group.id, ...way)).reverse()
    const page = async (number: number, limit: number) =>
      (await moderation.moderator.get<Page<TransitionRecord>>(`${pathOf(group.id)}?page=${number}&limit=${limit}`)).body
    expect(await page(0, 3)).toEqual({
      data: records.slice(0, 3),
      count: 3,
      currentPage: 0,
      page: 0,
      pageSize: 3,
      limit: 3,
      total: 7,
    })
    expect((await page(2, 3)).data).toEqual(records.slice(6))
    expect(await page(3, 3)).toMatchObject({ data: [], count: 0, total: 7 })
    expect((await page(2_147_483_647, 100)).data).toEqual([])
  })

  it('is empty for a group that was never moved', async () => {
    const group = groupElsewhere(3)
    const answer = await moderation.moderator.get<Page<TransitionRecord>>(pathOf(group.id))
    expect([answer.status, answer.body.total, answer.headers.etag]).toEqual([200, 0, '"3"'])
  })

  it.each(['page=-1', 'limit=0', 'limit=101', 'page=x', 'page=1&page=2'])('refuses ?%s', async (query) => {
    expect((await moderation.moderator.get(`${pathOf(groupElsewhere().id)}?${query}`)).status).toBe(400)
  })
})

it('keeps exact totals through all of this', async () => {
  const { kept, counted } = await moderation.totals()
  expect(kept).toEqual(counted)
  expect(kept.length).toBeGreaterThan(3)
})
