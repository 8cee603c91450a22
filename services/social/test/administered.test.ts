import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Page } from '@platform/http/paging.ts'
import type { GroupsUpstream } from './groups-upstream.ts'
import { type SocialAlone, startSocialAlone } from './social-alone.ts'

let alone: SocialAlone
let groups: GroupsUpstream
beforeAll(async () => {
  alone = await startSocialAlone()
  groups = alone.groups
})
afterAll(() => alone.stop())

const person = () => alone.person()

describe('somebody who was made an admin a moment ago', () => {
  /** A group where posts wait, which the person is an ordinary participant of, as far as our copy goes. */
  async function makeGroup() {
    const [groupId, ana] = [randomUUID(), person()]
    const rules = { postRules: 'AdminApproval' }
    groups.tell(groupId, ana.id, { version: 1 }, rules)
    const post = async () => {
      const { body } = await ana.post<{ id: string }>(`/groups/${groupId}/posts`, { text: 'x' })
      const { status } = await alone.social.db
        .selectFrom('post')
        .select('status')
        .where('id', '=', body.id)
        .executeTakeFirstOrThrow()
      return { id: body.id, status }
    }
    return { groupId, ana, post, promote: () => groups.tell(groupId, ana.id, { version: 2, isAdmin: true }, rules) }
  }

  it('has no post wait', async () => {
    const { ana, groupId, post, promote } = await makeGroup()
    expect((await post()).status).toBe('suggested')
    promote()
    expect((await post()).status).toBe('published')
    const questions = groups.asked.length
    expect((await post()).status).toBe('published')
    expect(groups.asked).toHaveLength(questions)
    groups.isBroken = true
    const other = person()
    groups.tell(groupId, other.id, { version: 1 }, { postRules: 'AdminApproval' })
    expect((await other.post(`/groups/${groupId}/posts`, { text: 'x' })).status).toBe(503)
    groups.isBroken = false
    expect((await ana.get<{ total: number }>(`/groups/${groupId}/feed`)).body.total).toBe(2)
  })

  it('publishes a post of theirs by offering it', async () => {
    const { ana, groupId, post, promote } = await makeGroup()
    const { id } = await post()
    promote()
    expect((await ana.post(`/groups/${groupId}/posts/${id}/suggest`)).status).toBe(204)
    expect((await ana.get<{ total: number }>(`/groups/${groupId}/feed`)).body.total).toBe(1)
  })

  it('sees all that waits', async () => {
    const { ana, groupId, promote } = await makeGroup()
    const ben = person()
    groups.tell(groupId, ben.id, { version: 1 }, { postRules: 'AdminApproval' })
    await ben.post(`/groups/${groupId}/posts`, { text: 'x' })
    const waiting = async () => (await ana.get<object[]>(`/groups/${groupId}/posts/suggested`)).body
    expect(await waiting()).toEqual([])
    promote()
    expect(await waiting()).toHaveLength(1)
  })
})

describe('GET /posts/suggested', () => {
  const RULES = { postRules: 'AdminApproval' }

  /** Groups where a post waits; nobody is in them but its author. */
  async function makeWaiting(count: number): Promise<string[]> {
    const groupIds = Array.from({ length: count }, () => randomUUID())
    const author = randomUUID()
    const { db } = alone.social
    const group = { owner_id: randomUUID(), post_rules: 'AdminApproval', group_type: 'Private', version: 1 } as const
    const post = { author_id: author, original_post_id: null, status: 'suggested', text: 'x', mentions: '[]' } as const
    const at = new Date()
    await db
      .insertInto('group')
      .values(groupIds.map((id) => ({ id, ...group })))
      .execute()
    const posts = groupIds.map((group_id) => ({ id: randomUUID(), group_id, ...post, created_at: at, updated_at: at }))
    await db.insertInto('post').values(posts).execute()
    const totals = groupIds.map((group_id) => ({ group_id, published_count: 0, suggested_count: 1 }))
    await db.insertInto('group_total').values(totals).execute()
    return groupIds
  }

  /** Has our copy take somebody for an ordinary participant, whatever the groups service says. */
  async function copyFollower(groupIds: string[], userId: string, version = 1): Promise<void> {
    const places = groupIds.map((group_id) => ({
      group_id,
      user_id: userId,
      is_admin: false,
      is_muted: false,
      version,
    }))
    await alone.social.db.insertInto('participant').values(places).execute()
  }

  async function waitingFor(ana: ReturnType<typeof person>) {
    groups.forget()
    const { status, body } = await ana.get<Page<{ groupId: string }>>('/posts/suggested?limit=100')
    return { status, groupIds: body.data?.map(({ groupId }) => groupId).toSorted(), total: body.total }
  }

  it('has what waits where somebody was made an admin a moment ago', async () => {
    const ana = person()
    const [there, here] = (await makeWaiting(2)) as [string, string]
    await copyFollower([there, here], ana.id)
    for (const groupId of [there, here]) groups.tell(groupId, ana.id, { version: 1 }, RULES)
    expect(await waitingFor(ana)).toEqual({ status: 200, groupIds: [], total: 0 })
    groups.tell(here, ana.id, { version: 2, isAdmin: true }, RULES)
    groups.isBroken = true
    expect((await waitingFor(ana)).status).toBe(503)
    groups.isBroken = false
    expect(await waitingFor(ana)).toEqual({ status: 200, groupIds: [here], total: 1 })
    expect(groups.asked).toEqual([[here]])
    // Our copy has it now, so there is no more to hear of it.
    expect((await waitingFor(ana)).total).toBe(1)
    expect(groups.asked).toEqual([])
  })

  it('has what waits where they joined meanwhile, too', async () => {
    const ana = person()
    const [groupId] = (await makeWaiting(1)) as [string]
    const unknown = randomUUID()
    for (const id of [groupId, unknown]) groups.tell(id, ana.id, { version: 2, isAdmin: true }, RULES)
    expect(await waitingFor(ana)).toEqual({ status: 200, groupIds: [groupId], total: 1 })
    // In a group that our copy does not know nothing can wait.
    expect(groups.asked).toEqual([[groupId]])
  })

  it('believes a copy that is newer than the answer', async () => {
    const ana = person()
    const groupIds = await makeWaiting(1)
    await copyFollower(groupIds, ana.id, 3)
    groups.tell(groupIds[0] ?? '', ana.id, { version: 2, isAdmin: true }, RULES)
    expect((await waitingFor(ana)).total).toBe(0)
    expect(groups.asked).toEqual([])
  })

  it('takes one question, however many groups they follow', async () => {
    const ana = person()
    const groupIds = await makeWaiting(250)
    await copyFollower(groupIds, ana.id)
    for (const groupId of groupIds) groups.tell(groupId, ana.id, { version: 1 }, RULES)
    expect(await waitingFor(ana)).toEqual({ status: 200, groupIds: [], total: 0 })
    expect([groups.askedAdministered, groups.asked]).toEqual([1, []])
  })

  it('has more groups than fit into one answer', async () => {
    const ana = person()
    const groupIds = await makeWaiting(1_001)
    for (const groupId of groupIds) groups.tell(groupId, ana.id, { version: 2, isAdmin: true }, RULES)
    expect((await waitingFor(ana)).total).toBe(1_001)
    expect(groups.askedAdministered).toBe(2)
    expect((await waitingFor(ana)).total).toBe(1_001)
    expect(groups.asked).toEqual([])
  })

  it('takes ten questions at most', async () => {
    const ana = person()
    for (let n = 0; n < 10_001; n++) groups.tell(randomUUID(), ana.id, { version: 1, isAdmin: true }, RULES)
    expect((await waitingFor(ana)).status).toBe(200)
    expect(groups.askedAdministered).toBe(10)
  })
})
