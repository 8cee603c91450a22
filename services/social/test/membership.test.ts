import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { DEVELOPMENT_SECRET } from '@platform/config/env.ts'
import type { Database } from '@platform/db/database.ts'
import type { Page } from '@platform/http/paging.ts'
import { createLogger } from '@platform/log/logger.ts'
import type { RunningService } from '@platform/service/service.ts'
import { cloneDatabase, type TestDatabase } from '@platform/testing/database.ts'
import { ServiceCaller } from '@platform/testing/service-client.ts'
import type { SocialTables } from '../src/db/schema.ts'
import { start } from '../src/service.ts'
import { openSocial } from './database.ts'

/** What the groups service would tell of a person's place in a group, by `GROUP USER`. */
const places = new Map<string, object>()
/** The groups that it was asked about, question by question. */
const asked: string[][] = []
let isBroken = false

const upstream = createServer((req, res) => {
  const url = new URL(req.url ?? '', 'http://groups')
  const userId = url.pathname.replace('/internal/participants/', '')
  const groupIds = url.searchParams.get('groupIds')?.split(',') ?? []
  asked.push(groupIds)
  res.statusCode = isBroken ? 500 : 200
  res.setHeader('content-type', 'application/json')
  res.end(JSON.stringify(groupIds.flatMap((groupId) => places.get(`${groupId} ${userId}`) ?? [])))
})

let database: TestDatabase
let social: Database<SocialTables>
let service: RunningService
beforeAll(async () => {
  database = await cloneDatabase()
  social = openSocial(database)
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
  const { port } = upstream.address() as AddressInfo
  const log = createLogger({ service: 'test', level: 'silent', format: 'pretty' })
  service = await start({
    env: { NODE_ENV: 'test', DATABASE_URL: database.urlFor('social'), GROUPS_URL: `http://127.0.0.1:${port}` },
    log,
    onFatal: () => {},
  })
})
afterAll(async () => {
  await service.stop()
  await new Promise((resolve) => upstream.close(resolve))
  await social.close()
  await database.drop()
})

const person = () => new ServiceCaller(service.url, DEVELOPMENT_SECRET)
const AT = '2026-01-01T10:00:00.000Z'

interface Place {
  version: number
  isMuted?: boolean
  isAdmin?: boolean
}

/** Tells what the groups service knows of somebody's place in a group; no event says so. */
function tell(
  groupId: string,
  userId: string,
  place: Place | null,
  { postRules = 'Everyone', groupType = 'Private', groupVersion = 1 } = {},
): void {
  const state = {
    id: groupId,
    name: 'Runners',
    description: 'We run.',
    shortName: 'runners',
    postRules,
    groupType,
    ownerId: randomUUID(),
    contentRevision: 1,
    createdAt: AT,
    updatedAt: AT,
  }
  const { version = 1, isAdmin = false, isMuted = false } = place ?? {}
  const participant = place && { version, state: { groupId, userId, isAdmin, isMuted, joinedAt: AT } }
  places.set(`${groupId} ${userId}`, { group: { version: groupVersion, state }, participant })
}

describe('a refusal because of the copy', () => {
  it('is confirmed at the groups service, whose answer is kept', async () => {
    const [groupId, ana] = [randomUUID(), person()]
    const path = `/groups/${groupId}/posts`
    expect((await ana.post(path, { text: 'x' })).status).toBe(404)
    tell(groupId, ana.id, null)
    expect((await ana.post(path, { text: 'x' })).status).toBe(404)
    tell(groupId, ana.id, { version: 1 })
    expect((await ana.post(path, { text: 'x' })).status).toBe(201)
    const questions = asked.length
    expect((await ana.post(path, { text: 'x' })).status).toBe(201)
    expect((await ana.get(`/groups/${groupId}/feed`)).status).toBe(200)
    expect(asked).toHaveLength(questions)
  })

  it('is 503 when the groups service does not answer, and nothing was done', async () => {
    const [groupId, ana] = [randomUUID(), person()]
    tell(groupId, ana.id, { version: 1 })
    isBroken = true
    const answer = await ana.post(`/groups/${groupId}/posts`, { text: 'x' })
    isBroken = false
    expect(answer.status).toBe(503)
    expect((await ana.post(`/groups/${groupId}/posts`, { text: 'x' })).status).toBe(201)
    const { body } = await ana.get<{ total: number }>(`/groups/${groupId}/feed`)
    expect(body.total).toBe(1)
  })

  it('never puts an older answer over a newer copy', async () => {
    const [groupId, ana] = [randomUUID(), person()]
    tell(groupId, ana.id, { version: 3, isMuted: true })
    expect((await ana.post(`/groups/${groupId}/posts`, { text: 'x' })).status).toBe(403)
    tell(groupId, ana.id, { version: 2 })
    expect((await ana.post(`/groups/${groupId}/posts`, { text: 'x' })).status).toBe(403)
    tell(groupId, ana.id, { version: 4 })
    expect((await ana.post(`/groups/${groupId}/posts`, { text: 'x' })).status).toBe(201)
  })
})

describe('what is left out because of the copy', () => {
  /** A post in each of some Private groups, which the reader joined a moment ago. */
  async function makePosts(count: number) {
    const [ana, ben] = [person(), person()]
    const groupIds = Array.from({ length: count }, () => randomUUID())
    const postIds: string[] = []
    for (const groupId of groupIds) {
      tell(groupId, ana.id, { version: 1 })
      tell(groupId, ben.id, null)
      const { body } = await ana.post<{ id: string }>(`/groups/${groupId}/posts`, { text: 'x' })
      postIds.push(body.id)
    }
    return { ana, ben, groupIds, postIds }
  }
  const idsOf = (posts: { id: string }[]) => posts.map(({ id }) => id)

  it('of posts by their ids is confirmed in one question', async () => {
    const { ben, groupIds, postIds } = await makePosts(3)
    const path = `/posts?postIds=${postIds.join(',')}`
    expect((await ben.get<{ id: string }[]>(path)).body).toEqual([])
    for (const groupId of groupIds.slice(0, 2)) tell(groupId, ben.id, { version: 1 })
    asked.length = 0
    expect(idsOf((await ben.get<{ id: string }[]>(path)).body)).toEqual(postIds.slice(0, 2))
    expect(asked.map((ids) => ids.toSorted())).toEqual([groupIds.toSorted()])
    isBroken = true
    expect((await ben.get(path)).status).toBe(503)
    expect((await ben.get(`/posts?postIds=${postIds[0]}`)).status).toBe(200)
    isBroken = false
  })

  it('of posts that were seen is confirmed, too', async () => {
    const { ben, groupIds, postIds } = await makePosts(2)
    const [first = '', second = ''] = groupIds
    tell(first, ben.id, { version: 1 })
    const seen = { posts: [...postIds, randomUUID()].map((postId) => ({ postId })) }
    isBroken = true
    expect((await ben.post('/posts/seen', seen)).status).toBe(503)
    isBroken = false
    expect((await ben.post('/posts/seen', seen)).status).toBe(204)
    const marks = () => social.db.selectFrom('post_seen').select('post_id').where('user_id', '=', ben.id).execute()
    expect(await marks()).toEqual([{ post_id: postIds[0] }])
    tell(second, ben.id, { version: 1 })
    expect((await ben.post('/posts/seen', seen)).status).toBe(204)
    expect(await marks()).toHaveLength(2)
  })

  it("of a profile's reposts are the originals: confirmed as well", async () => {
    const { ana, ben, groupIds, postIds } = await makePosts(1)
    const [groupId = '', postId = ''] = [groupIds[0], postIds[0]]
    // It was reposted while the group was Public.
    tell(groupId, ana.id, { version: 1 }, { groupType: 'Public', groupVersion: 2 })
    expect((await ana.put(`/posts/${postId}/repost`)).status).toBe(200)
    await social.db.updateTable('group').set({ group_type: 'Private' }).where('id', '=', groupId).execute()
    const originals = async () => {
      const { body } = await ben.get<{ data: { originalPost?: { id: string } }[] }>(`/users/${ana.id}/posts`)
      return body.data.map(({ originalPost }) => originalPost?.id)
    }
    expect(await originals()).toEqual([undefined])
    tell(groupId, ben.id, { version: 1 })
    expect(await originals()).toEqual([postId])
  })
})

describe('somebody who was made an admin a moment ago', () => {
  /** A group where posts wait, which the person is an ordinary participant of, as far as our copy goes. */
  async function makeGroup() {
    const [groupId, ana] = [randomUUID(), person()]
    const rules = { postRules: 'AdminApproval' }
    tell(groupId, ana.id, { version: 1 }, rules)
    const post = async () => {
      const { body } = await ana.post<{ id: string }>(`/groups/${groupId}/posts`, { text: 'x' })
      const { status } = await social.db
        .selectFrom('post')
        .select('status')
        .where('id', '=', body.id)
        .executeTakeFirstOrThrow()
      return { id: body.id, status }
    }
    return { groupId, ana, post, promote: () => tell(groupId, ana.id, { version: 2, isAdmin: true }, rules) }
  }

  it('has no post wait', async () => {
    const { ana, groupId, post, promote } = await makeGroup()
    expect((await post()).status).toBe('suggested')
    promote()
    expect((await post()).status).toBe('published')
    const questions = asked.length
    expect((await post()).status).toBe('published')
    expect(asked).toHaveLength(questions)
    isBroken = true
    const other = person()
    tell(groupId, other.id, { version: 1 }, { postRules: 'AdminApproval' })
    expect((await other.post(`/groups/${groupId}/posts`, { text: 'x' })).status).toBe(503)
    isBroken = false
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
    tell(groupId, ben.id, { version: 1 }, { postRules: 'AdminApproval' })
    await ben.post(`/groups/${groupId}/posts`, { text: 'x' })
    const waiting = async () => (await ana.get<object[]>(`/groups/${groupId}/posts/suggested`)).body
    expect(await waiting()).toEqual([])
    promote()
    expect(await waiting()).toHaveLength(1)
  })

  it('sees what waits in all of their groups, after one question', async () => {
    const { ana, groupId, post, promote } = await makeGroup()
    const [there, quiet] = [randomUUID(), randomUUID()]
    const rules = { postRules: 'AdminApproval' }
    for (const id of [there, quiet]) tell(id, ana.id, { version: 1 }, rules)
    const { id: postId } = await post()
    await ana.post(`/groups/${there}/posts`, { text: 'x' })
    // Nothing waits here, so nobody is asked about it.
    await ana.get(`/groups/${quiet}/posts/suggested`)
    const waiting = async () => {
      const { status, body } = await ana.get<Page<{ id: string }>>('/posts/suggested')
      return { status, ids: body.data?.map(({ id }) => id), total: body.total }
    }
    asked.length = 0
    expect(await waiting()).toEqual({ status: 200, ids: [], total: 0 })
    expect(asked.map((ids) => ids.toSorted())).toEqual([[groupId, there].toSorted()])
    isBroken = true
    expect((await waiting()).status).toBe(503)
    isBroken = false
    promote()
    expect(await waiting()).toEqual({ status: 200, ids: [postId], total: 1 })
    tell(there, ana.id, { version: 2, isAdmin: true }, rules)
    expect((await waiting()).total).toBe(2)
    // Of more than all there is no more to ask.
    isBroken = true
    expect((await waiting()).total).toBe(2)
    isBroken = false
  })

  it('of more groups than fit into one question sees all', async () => {
    const ana = person()
    const groupIds = Array.from({ length: 102 }, () => randomUUID())
    for (const groupId of groupIds) tell(groupId, ana.id, { version: 2, isAdmin: true })
    await social.db
      .insertInto('group')
      .values(
        groupIds.map((id) => ({
          id,
          owner_id: randomUUID(),
          post_rules: 'AdminApproval' as const,
          group_type: 'Private' as const,
          version: 1,
        })),
      )
      .execute()
    await social.db
      .insertInto('participant')
      .values(groupIds.map((group_id) => ({ group_id, user_id: ana.id, is_admin: false, is_muted: false, version: 1 })))
      .execute()
    await social.db
      .insertInto('group_total')
      .values(groupIds.map((group_id) => ({ group_id, published_count: 0, suggested_count: 1 })))
      .execute()
    asked.length = 0
    expect((await ana.get<Page<object>>('/posts/suggested')).body.total).toBe(102)
    expect(asked.map(({ length }) => length)).toEqual([100, 2])
  })
})
