import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Page } from '@platform/http/paging.ts'
import { type Person, type Platform, startPlatform } from '@platform/testing/platform.ts'
import type { Post } from '../src/posts/shapes.ts'
import { type Cast, makeCast, makeGroup, makePost, type Role, statuses } from './cast.ts'

let platform: Platform
/** Of cases that look at their own post only. */
let approving: Cast
beforeAll(async () => {
  platform = await startPlatform({ services: ['moderation'] })
  approving = await makeCast(platform, { postRules: 'AdminApproval' })
})
afterAll(() => platform.stop())

const UNKNOWN = '00000000-0000-1000-9000-510d9bb07630'

const feedOf = async ({ stranger, group }: Cast) =>
  (await stranger.get<Page<Post>>(`${group}/feed`)).body.data.map(({ id }) => id)
const waitingFor = async (person: Person, group: string) =>
  (await person.get<Post[]>(`${group}/posts/suggested`)).body.map(({ id }) => id)

/** A group where admins approve, with a post of the member's that waits. */
async function withWaiting(groupType: 'Public' | 'Private' = 'Public') {
  const cast = await makeCast(platform, { postRules: 'AdminApproval', groupType })
  const postId = await makePost(cast.member, cast.groupId)
  return { ...cast, cast, postId, path: `${cast.group}/posts/${postId}` }
}

describe('a suggested post', () => {
  it("is seen by its author and the group's admins, and is 404 to others", async () => {
    const { cast, path, postId } = await withWaiting()
    const expected = { owner: 200, admin: 200, member: 200, muted: 404, follower: 404, stranger: 404, moderator: 404 }
    for (const url of [path, `/posts/${postId}`, `${path}/likes`, `/posts/${postId}/comments`]) {
      expect([url, await statuses(cast, (person) => person.get(url))]).toEqual([url, expected])
    }
    expect(await statuses(cast, (person) => person.post(`${path}/like`))).toEqual(expected)
    expect(await statuses(cast, (person) => person.put(`/posts/${postId}/repost`))).toEqual({
      ...expected,
      owner: 403,
      admin: 403,
      member: 403,
    })
  })

  it('is listed to admins, to its author, and in no feed', async () => {
    const { cast, postId, owner, admin, member, follower, stranger, group } = await withWaiting()
    for (const person of [owner, admin, member]) expect(await waitingFor(person, group)).toEqual([postId])
    for (const person of [follower, stranger]) expect(await waitingFor(person, group)).toEqual([])
    expect(await feedOf(cast)).toEqual([])
  })

  it('is hidden with its Private group', async () => {
    const { cast, group } = await withWaiting('Private')
    expect(await statuses(cast, (person) => person.get(`${group}/posts/suggested`))).toMatchObject({
      owner: 200,
      member: 200,
      stranger: 404,
      moderator: 404,
    })
  })
})

describe('GET /posts/suggested', () => {
  it('gives admins what waits in all of their groups, newest first', async () => {
    const ana = platform.person()
    const ben = platform.person()
    const ids: string[] = []
    for (const _ of [1, 2]) {
      const groupId = await makeGroup(ana, { postRules: 'AdminApproval' })
      await ben.post(`/groups/${groupId}/follow`)
      ids.unshift(await makePost(ben, groupId))
    }
    const page = async (query: string) => (await ana.get<Page<Post>>(`/posts/suggested${query}`)).body
    const { data, total } = await page('')
    expect(data.map(({ id }) => id)).toEqual(ids)
    expect(total).toBe(2)
    expect((await page('?limit=1&page=1')).data.map(({ id }) => id)).toEqual([ids[1]])
    expect((await page('?limit=1&page=2')).data).toEqual([])
    expect((await ben.get<Page<Post>>('/posts/suggested')).body).toMatchObject({ data: [], total: 0 })
  })
})

describe('approving and declining', () => {
  const rules: [string, Role, number][] = [
    ['the owner', 'owner', 204],
    ['an admin', 'admin', 204],
    ['the author', 'member', 403],
    ['another participant', 'follower', 404],
    ['a stranger', 'stranger', 404],
    ['a moderator', 'moderator', 404],
  ]
  it.each(rules)('by %s', async (_, role, status) => {
    for (const verb of ['approve', 'decline']) {
      const path = `${approving.group}/posts/${await makePost(approving.member, approving.groupId)}`
      expect((await approving[role].post(`${path}/${verb}`)).status).toBe(status)
    }
  })

  it('publishes, and is 409 when nothing waits', async () => {
    const { cast, admin, path, postId } = await withWaiting()
    expect((await admin.post(`${path}/approve`)).status).toBe(204)
    expect(await feedOf(cast)).toEqual([postId])
    for (const verb of ['approve', 'decline']) expect((await admin.post(`${path}/${verb}`)).status).toBe(409)
    expect((await admin.post(`${cast.group}/posts/${UNKNOWN}/approve`)).status).toBe(404)
  })

  it('hides a declined post from everybody but its author and admins', async () => {
    const { cast, admin, path, group } = await withWaiting()
    expect((await admin.post(`${path}/decline`)).status).toBe(204)
    expect(await feedOf(cast)).toEqual([])
    expect(await waitingFor(admin, group)).toEqual([])
    expect(await statuses(cast, (person) => person.get(path))).toMatchObject({
      owner: 200,
      member: 200,
      follower: 404,
      stranger: 404,
    })
  })

  it('lets one of two admins at once decide', async () => {
    const { owner, admin, path } = await withWaiting()
    const answers = await Promise.all([owner.post(`${path}/approve`), admin.post(`${path}/decline`)])
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 409])
  })
})

describe('POST …/suggest', () => {
  it('moves a profile post into the group, where it waits or is published', async () => {
    for (const [postRules, isShown] of [
      ['Everyone', true],
      ['AdminApproval', false],
      ['OnlyAdmin', false],
    ] as const) {
      const cast = await makeCast(platform, { postRules })
      const id = await makePost(cast.member)
      const path = `${cast.group}/posts/${id}/suggest`
      for (const _ of [1, 2]) expect((await cast.member.post(path)).status).toBe(204)
      expect(await feedOf(cast)).toEqual(isShown ? [id] : [])
      const profile = await cast.member.get<Page<Post>>(`/users/${cast.member.id}/posts`)
      expect(profile.body).toMatchObject({ data: [], total: 0 })
      expect((await cast.admin.post(path)).status).toBe(204)
      expect(await feedOf(cast)).toEqual([id])
    }
  })

  it('offers a declined post again', async () => {
    const { member, admin, path, group, postId } = await withWaiting()
    await admin.post(`${path}/decline`)
    expect((await admin.post(`${path}/suggest`)).status).toBe(403)
    expect((await member.post(`${path}/suggest`)).status).toBe(204)
    expect(await waitingFor(admin, group)).toEqual([postId])
  })

  it('is for nobody else: 403, or 404 where the post or the group is not known', async () => {
    const { cast, path, postId } = await withWaiting()
    for (const role of ['follower', 'stranger', 'moderator'] as const) {
      expect((await cast[role].post(`${path}/suggest`)).status).toBe(404)
    }
    const other = await makeCast(platform)
    const profilePost = await makePost(other.muted)
    const suggested = `${other.group}/posts/${profilePost}/suggest`
    expect(await statuses(other, (person) => person.post(suggested))).toEqual({
      owner: 403,
      admin: 403,
      member: 403,
      muted: 403,
      follower: 403,
      stranger: 403,
      moderator: 403,
    })
    expect((await cast.member.post(`${other.group}/posts/${postId}/suggest`)).status).toBe(404)
    expect((await cast.member.post(`${other.group}/posts/${UNKNOWN}/suggest`)).status).toBe(404)
    const repost = await other.member.put<{ repostId: string }>(`/posts/${profilePost}/repost`)
    expect((await other.member.post(`${other.group}/posts/${repost.body.repostId}/suggest`)).status).toBe(403)
  })
})
