import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { eventually } from '@platform/testing/eventually.ts'
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

describe('a refusal because of the copy', () => {
  it('is confirmed at the groups service, whose answer is kept', async () => {
    const [groupId, ana] = [randomUUID(), person()]
    const path = `/groups/${groupId}/posts`
    expect((await ana.post(path, { text: 'x' })).status).toBe(404)
    groups.tell(groupId, ana.id, null)
    expect((await ana.post(path, { text: 'x' })).status).toBe(404)
    groups.tell(groupId, ana.id, { version: 1 })
    expect((await ana.post(path, { text: 'x' })).status).toBe(201)
    const questions = groups.asked.length
    expect((await ana.post(path, { text: 'x' })).status).toBe(201)
    expect((await ana.get(`/groups/${groupId}/feed`)).status).toBe(200)
    expect(groups.asked).toHaveLength(questions)
  })

  it('is 503 when the groups service does not answer, and nothing was done', async () => {
    const [groupId, ana] = [randomUUID(), person()]
    groups.tell(groupId, ana.id, { version: 1 })
    groups.isBroken = true
    const answer = await ana.post(`/groups/${groupId}/posts`, { text: 'x' })
    groups.isBroken = false
    expect(answer.status).toBe(503)
    expect((await ana.post(`/groups/${groupId}/posts`, { text: 'x' })).status).toBe(201)
    const { body } = await ana.get<{ total: number }>(`/groups/${groupId}/feed`)
    expect(body.total).toBe(1)
  })

  it('never puts an older answer over a newer copy', async () => {
    const [groupId, ana] = [randomUUID(), person()]
    groups.tell(groupId, ana.id, { version: 3, isMuted: true })
    expect((await ana.post(`/groups/${groupId}/posts`, { text: 'x' })).status).toBe(403)
    groups.tell(groupId, ana.id, { version: 2 })
    expect((await ana.post(`/groups/${groupId}/posts`, { text: 'x' })).status).toBe(403)
    groups.tell(groupId, ana.id, { version: 4 })
    expect((await ana.post(`/groups/${groupId}/posts`, { text: 'x' })).status).toBe(201)
  })

  it('locks nothing where the copy is as new as the answer', async () => {
    const [groupId, ana, ben] = [randomUUID(), person(), person()]
    groups.tell(groupId, ana.id, { version: 1 })
    groups.tell(groupId, ben.id, null)
    const { body } = await ana.post<{ id: string }>(`/groups/${groupId}/posts`, { text: 'x' })
    const status = await alone.social.db.transaction().execute(async (trx) => {
      await trx.selectFrom('group').select('id').where('id', '=', groupId).forUpdate().execute()
      // It would wait for this transaction.
      return (await ben.get(`/posts/${body.id}`)).status
    })
    expect(status).toBe(404)
    expect(groups.asked.at(-1)).toEqual([groupId])
  })
})

describe('what is left out because of the copy', () => {
  /** A post in each of some Private groups, which the reader joined a moment ago. */
  async function makePosts(count: number) {
    const [ana, ben] = [person(), person()]
    const groupIds = Array.from({ length: count }, () => randomUUID())
    const postIds: string[] = []
    for (const groupId of groupIds) {
      groups.tell(groupId, ana.id, { version: 1 })
      groups.tell(groupId, ben.id, null)
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
    for (const groupId of groupIds.slice(0, 2)) groups.tell(groupId, ben.id, { version: 1 })
    groups.forget()
    expect(idsOf((await ben.get<{ id: string }[]>(path)).body)).toEqual(postIds.slice(0, 2))
    expect(groups.asked.map((ids) => ids.toSorted())).toEqual([groupIds.toSorted()])
    groups.isBroken = true
    expect((await ben.get(path)).status).toBe(503)
    expect((await ben.get(`/posts?postIds=${postIds[0]}`)).status).toBe(200)
    groups.isBroken = false
  })

  it('of posts that were seen is confirmed, too', async () => {
    const { ben, groupIds, postIds } = await makePosts(2)
    const [first = '', second = ''] = groupIds
    groups.tell(first, ben.id, { version: 1 })
    const seen = { posts: [...postIds, randomUUID()].map((postId) => ({ postId })) }
    groups.isBroken = true
    expect((await ben.post('/posts/seen', seen)).status).toBe(503)
    groups.isBroken = false
    expect((await ben.post('/posts/seen', seen)).status).toBe(204)
    const marks = () =>
      alone.social.db.selectFrom('post_seen').select('post_id').where('user_id', '=', ben.id).execute()
    expect(await marks()).toEqual([{ post_id: postIds[0] }])
    groups.tell(second, ben.id, { version: 1 })
    expect((await ben.post('/posts/seen', seen)).status).toBe(204)
    expect(await marks()).toHaveLength(2)
  })

  it('of posts that were seen leaves no mark on one that was deleted meanwhile', async () => {
    const { ana, ben, postIds } = await makePosts(1)
    const { id } = (await ana.post<{ id: string }>('/posts', { text: 'x' })).body
    const { db } = alone.social
    groups.meanwhile = async () => {
      groups.meanwhile = async () => {}
      await ana.delete(`/posts/${id}`)
      await eventually(async () => {
        expect(await db.selectFrom('deletion').select('target_id').where('target_id', '=', id).execute()).toEqual([])
      })
    }
    const seen = { posts: [id, ...postIds].map((postId) => ({ postId })) }
    expect((await ben.post('/posts/seen', seen)).status).toBe(204)
    expect(await db.selectFrom('post_seen').select('post_id').where('user_id', '=', ben.id).execute()).toEqual([])
  })

  it('of posts that were seen is not asked for again by a repetition', async () => {
    const { ben, postIds } = await makePosts(1)
    const seen = { posts: postIds.map((postId) => ({ postId })) }
    const key = { 'Idempotency-Key': randomUUID() }
    expect((await ben.post('/posts/seen', seen, key)).status).toBe(204)
    groups.isBroken = true
    const [again, other] = [
      await ben.post('/posts/seen', seen, key),
      await ben.post('/posts/seen', { posts: [{ postId: randomUUID() }] }, key),
    ]
    groups.isBroken = false
    expect([again.status, other.status]).toEqual([204, 409])
  })

  it("of a profile's reposts are the originals: confirmed as well", async () => {
    const { ana, ben, groupIds, postIds } = await makePosts(1)
    const [groupId = '', postId = ''] = [groupIds[0], postIds[0]]
    // It was reposted while the group was Public.
    groups.tell(groupId, ana.id, { version: 1 }, { groupType: 'Public', groupVersion: 2 })
    expect((await ana.put(`/posts/${postId}/repost`)).status).toBe(200)
    await alone.social.db.updateTable('group').set({ group_type: 'Private' }).where('id', '=', groupId).execute()
    const originals = async () => {
      const { body } = await ben.get<{ data: { originalPost?: { id: string } }[] }>(`/users/${ana.id}/posts`)
      return body.data.map(({ originalPost }) => originalPost?.id)
    }
    expect(await originals()).toEqual([undefined])
    groups.tell(groupId, ben.id, { version: 1 })
    expect(await originals()).toEqual([postId])
  })
})
