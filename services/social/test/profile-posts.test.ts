import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Page } from '@platform/http/paging.ts'
import { type Person, type Platform, startPlatform } from '@platform/testing/platform.ts'
import type { Post } from '../src/posts/shapes.ts'
import { makeCast, makeGroup, makePost } from './cast.ts'

let platform: Platform
beforeAll(async () => {
  platform = await startPlatform({ services: ['moderation'] })
})
afterAll(() => platform.stop())

const UNKNOWN = '00000000-0000-1000-9000-510d9bb07630'

interface Reposted {
  repostId?: string
  originalPostId: string
  isReposted: boolean
}

const profile = async (reader: Person, { id }: Person, query = '') => {
  const { body } = await reader.get<Page<Post>>(`/users/${id}/posts${query}`)
  return { ids: body.data.map((post) => post.id), total: body.total, data: body.data }
}

describe('profile posts', () => {
  it('are written, read, edited and deleted by their author', async () => {
    const [ana, ben] = [platform.person(), platform.person()]
    const id = await makePost(ana, undefined, { text: 'Mine' })
    expect((await ben.get<Post>(`/posts/${id}`)).body).toMatchObject({ id, text: 'Mine', authorId: ana.id })
    expect((await ben.get<Post>(`/posts/${id}`)).body).not.toHaveProperty('groupId')
    expect((await ben.put(`/posts/${id}`, { text: 'Yours' })).status).toBe(403)
    expect((await ana.put(`/posts/${id}`, { text: 'Still mine' })).status).toBe(204)
    expect((await ben.delete(`/posts/${id}`)).status).toBe(403)
    expect((await ana.post(`/posts/${id}/pictures/${UNKNOWN}`)).status).toBe(204)
    expect((await ben.post(`/posts/${id}/pictures/${UNKNOWN}`)).status).toBe(403)
    expect((await ben.get<Post>(`/posts/${id}`)).body).toMatchObject({ text: 'Still mine', mediaIds: [UNKNOWN] })
    expect((await ana.delete(`/posts/${id}/pictures/${UNKNOWN}`)).status).toBe(204)
    expect((await ana.delete(`/posts/${id}`)).status).toBe(204)
    for (const [method, path] of [
      ['GET', ''],
      ['DELETE', ''],
      ['POST', '/hide'],
      ['POST', '/like'],
      ['PUT', '/repost'],
      ['POST', '/seen'],
      ['GET', '/reposters'],
      ['GET', '/comments'],
    ] as const) {
      expect([path, (await ana.send(method, `/posts/${id}${path}`)).status]).toEqual([path, 404])
    }
  })

  it('are changed below /posts only when they have no group', async () => {
    const ana = platform.person()
    const id = await makePost(ana, await makeGroup(ana))
    expect((await ana.put(`/posts/${id}`, { text: 'x' })).status).toBe(404)
    expect((await ana.delete(`/posts/${id}`)).status).toBe(404)
    expect((await ana.post(`/posts/${id}/pictures/${UNKNOWN}`)).status).toBe(404)
  })

  it('may be deleted by a moderator', async () => {
    const id = await makePost(platform.person())
    expect((await platform.person({ roles: ['moderator'] }).delete(`/posts/${id}`)).status).toBe(204)
  })

  it('are refused with the field that is wrong', async () => {
    const ana = platform.person()
    expect((await ana.post('/posts', {})).status).toBe(400)
    expect(
      (await ana.post('/posts', { text: 'x', mentions: [{ mentionedUserId: ana.id, mentionText: 'y' }] })).status,
    ).toBe(400)
    expect((await platform.nobody.post('/posts', { text: 'x' })).status).toBe(401)
    expect((await ana.get('/posts/17')).status).toBe(400)
  })
})

describe('GET /posts?postIds', () => {
  it('keeps the order and leaves out what the caller may not see', async () => {
    const cast = await makeCast(platform, { groupType: 'Private' })
    const waiting = await makeCast(platform, { postRules: 'AdminApproval' })
    const profilePost = await makePost(cast.member)
    const hidden = await makePost(cast.member, cast.groupId)
    const suggested = await makePost(waiting.member, waiting.groupId)
    const ids = [suggested, hidden, UNKNOWN, profilePost.toUpperCase()]
    const get = async (person: Person) =>
      (await person.get<Post[]>(`/posts?postIds=${ids.join(',')}&includeBlocked=true`)).body.map(({ id }) => id)
    expect(await get(cast.stranger)).toEqual([profilePost])
    expect(await get(cast.member)).toEqual([hidden, profilePost])
    expect(await get(waiting.member)).toEqual([suggested, profilePost])
  })

  it.each(['true', 'True', '1', '', 'no&includeBlocked=yes'])('ignores includeBlocked=%s', async (value) => {
    const ana = platform.person()
    const id = await makePost(ana)
    const { status, body } = await ana.get<Post[]>(`/posts?postIds=${id}&includeBlocked=${value}`)
    expect([status, body.length]).toEqual([200, 1])
  })

  it('takes 1 to 100 UUIDs', async () => {
    const ana = platform.person()
    const many = (count: number) => Array.from({ length: count }, () => randomUUID()).join(',')
    expect((await ana.get(`/posts?postIds=${many(100)}`)).status).toBe(200)
    for (const query of ['', '?postIds=', '?postIds=17', `?postIds=${many(101)}`, `?postIds=${many(1)},`]) {
      expect([query.slice(0, 20), (await ana.get(`/posts${query}`)).status]).toEqual([query.slice(0, 20), 400])
    }
  })
})

describe('reposting', () => {
  it('is idempotent both ways, toggles, and means the original', async () => {
    const [ana, ben, eve] = [platform.person(), platform.person(), platform.person()]
    const id = await makePost(ana, await makeGroup(ana))
    const first = await ben.put<Reposted>(`/posts/${id}/repost`)
    expect(first).toMatchObject({ status: 200, body: { originalPostId: id, isReposted: true } })
    expect((await ben.put<Reposted>(`/posts/${id}/repost`)).body).toEqual(first.body)
    const { repostId } = first.body
    expect((await eve.post<Reposted>(`/posts/${repostId}/repost`)).body).toMatchObject({
      originalPostId: id,
      isReposted: true,
    })
    const reposters = await ana.get<{ totalCount: number; reposters: { reposterUserId: string }[] }>(
      `/posts/${repostId}/reposters`,
    )
    expect(reposters.body.totalCount).toBe(2)
    expect(reposters.body.reposters.map(({ reposterUserId }) => reposterUserId)).toEqual([eve.id, ben.id])
    expect((await ana.get<{ reposters: object[] }>(`/posts/${id}/reposters?limit=1`)).body.reposters).toHaveLength(1)
    expect((await ana.get(`/posts/${id}/reposters?limit=51`)).status).toBe(400)
    for (const _ of [1, 2]) {
      expect((await ben.delete<Reposted>(`/posts/${id}/repost`)).body).toEqual({
        originalPostId: id,
        isReposted: false,
      })
    }
    expect((await eve.post<Reposted>(`/posts/${id}/repost`)).body.isReposted).toBe(false)
    expect((await ana.get<Post>(`/posts/${id}`)).body).toMatchObject({ repostCount: 0 })
  })

  it('shows on the profile with its original, and counts by type', async () => {
    const [ana, ben] = [platform.person(), platform.person()]
    const original = await makePost(ana, undefined, { text: 'Original' })
    const own = await makePost(ben)
    const { repostId } = (await ben.put<Reposted>(`/posts/${original}/repost`)).body
    expect(await profile(ana, ben)).toMatchObject({ ids: [repostId, own], total: 2 })
    expect(await profile(ana, ben, '?type=created')).toMatchObject({ ids: [own], total: 1 })
    const { data, total } = await profile(ben, ben, '?type=reposted')
    expect(total).toBe(1)
    expect(data[0]).toMatchObject({
      id: repostId,
      originalPostId: original,
      repostCount: 1,
      repostedByUser: true,
      originalPost: { id: original, text: 'Original', repostCount: 1, repostedByUser: true },
    })
    expect((await ana.get(`/users/${ben.id}/posts?type=none`)).status).toBe(400)
    expect((await ben.put(`/posts/${repostId}`, { text: 'x' })).status).toBe(409)
    expect((await ben.delete(`/posts/${repostId}`)).status).toBe(204)
    expect(await profile(ana, ben)).toMatchObject({ ids: [own], total: 1 })
    expect((await ana.get<Post>(`/posts/${original}`)).body.repostCount).toBe(0)
  })

  it('is not from a Private group: 403 to participants, 404 to others', async () => {
    const cast = await makeCast(platform, { groupType: 'Private' })
    const id = await makePost(cast.owner, cast.groupId)
    for (const method of ['PUT', 'POST'] as const) {
      expect((await cast.member.send(method, `/posts/${id}/repost`)).status).toBe(403)
      expect((await cast.stranger.send(method, `/posts/${id}/repost`)).status).toBe(404)
    }
    expect((await cast.stranger.delete(`/posts/${id}/repost`)).status).toBe(404)
  })

  it('shows nothing of an original that moved into a Private group', async () => {
    const cast = await makeCast(platform, { groupType: 'Private' })
    const id = await makePost(cast.owner, undefined, { text: 'Secret now' })
    await cast.stranger.put(`/posts/${id}/repost`)
    await cast.owner.post(`${cast.group}/posts/${id}/suggest`)
    const { data } = await profile(cast.stranger, cast.stranger)
    expect(data).toHaveLength(1)
    expect(data[0]).not.toHaveProperty('originalPost')
    expect((await profile(cast.member, cast.stranger)).data[0]?.originalPost?.text).toBe('Secret now')
    expect((await cast.stranger.delete(`/posts/${id}/repost`)).status).toBe(200)
  })

  it('makes one repost of many requests at once', async () => {
    const [ana, ben] = [platform.person(), platform.person()]
    const id = await makePost(ana)
    const answers = await Promise.all(Array.from({ length: 8 }, () => ben.put<Reposted>(`/posts/${id}/repost`)))
    expect(new Set(answers.map(({ body }) => body.repostId)).size).toBe(1)
    expect((await ana.get<Post>(`/posts/${id}`)).body.repostCount).toBe(1)
    expect((await profile(ana, ben)).total).toBe(1)
  })
})

describe('marking as seen', () => {
  it('is idempotent, and passes over unknown ids in a batch', async () => {
    const [ana, ben] = [platform.person(), platform.person()]
    const id = await makePost(ana)
    for (const _ of [1, 2]) {
      expect((await ben.post(`/posts/${id}/seen`)).status).toBe(204)
      expect((await ben.post('/posts/seen', { posts: [{ postId: id }, { postId: UNKNOWN }] })).status).toBe(204)
    }
    expect((await ben.post(`/posts/${UNKNOWN}/seen`)).status).toBe(404)
    expect((await ben.post('/posts/seen', { posts: [] })).status).toBe(400)
    const tooMany = Array.from({ length: 101 }, () => ({ postId: UNKNOWN }))
    expect((await ben.post('/posts/seen', { posts: tooMany })).status).toBe(400)
  })
})
