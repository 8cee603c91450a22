import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type Platform, startPlatform } from '@platform/testing/platform.ts'
import type { Post } from '../src/posts/shapes.ts'
import { all, type Cast, type GroupType, makeCast, makeCasts, makeGroup, makePost, OUTSIDE, statuses } from './cast.ts'

let platform: Platform
let casts: Record<GroupType, Cast>
beforeAll(async () => {
  platform = await startPlatform({ services: ['moderation'] })
  casts = await makeCasts(platform)
})
afterAll(() => platform.stop())

const UNKNOWN = '00000000-0000-1000-9000-510d9bb07630'

describe('PUT /groups/{groupId}/posts/{postId}', () => {
  it('is for its author: 403 to others, 404 where the post is not known', async () => {
    for (const [cast, expected] of [
      [casts.Public, all(403, { member: 204 })],
      [casts.Private, all(403, { member: 204, ...OUTSIDE })],
    ] as const) {
      const id = await makePost(cast.member, cast.groupId)
      expect(await statuses(cast, (person) => person.put(`${cast.group}/posts/${id}`, { text: 'New' }))).toEqual(
        expected,
      )
    }
  })

  it('replaces text, pictures and mentions; the location stays until it is removed', async () => {
    const ana = platform.person()
    const groupId = await makeGroup(ana)
    const id = await makePost(ana, groupId, { mediaIds: [UNKNOWN], uri: 'geo:59.91,10.75' })
    const path = `/groups/${groupId}/posts/${id}`
    const post = async () => (await ana.get<Post>(path)).body
    const before = await post()
    expect((await ana.put(path, { text: 'New' })).status).toBe(204)
    expect(await post()).toMatchObject({ text: 'New', mediaIds: [], location: before.location })
    expect((await ana.put(path, { text: 'New', uri: 'geonames:2950159' })).status).toBe(204)
    expect((await post()).location?.city).toBe('Berlin')
    expect((await ana.put(path, { text: 'New', uri: 'geonames:2950159', removeLocation: true })).status).toBe(400)
    expect((await ana.put(path, { text: 'New', removeLocation: true })).status).toBe(204)
    expect(await post()).not.toHaveProperty('location')
    const after = await post()
    expect((await ana.put(path, { text: 'New' })).status).toBe(204)
    expect(await post()).toEqual(after)
  })

  it('is not for an author who was muted since', async () => {
    const cast = await makeCast(platform)
    const id = await makePost(cast.member, cast.groupId)
    await cast.owner.post(`${cast.group}/participants/${cast.member.id}/mute`)
    // A stale yes is tolerable for a moment.
    let status = 204
    while (status === 204) status = (await cast.member.put(`${cast.group}/posts/${id}`, { text: 'x' })).status
    expect(status).toBe(403)
  })
})

describe('DELETE /groups/{groupId}/posts/{postId}', () => {
  it.each([
    ['owner', 204],
    ['admin', 204],
    ['member', 204],
    ['moderator', 204],
    ['follower', 403],
    ['muted', 403],
    ['stranger', 403],
  ] as const)('by %s: %i', async (role, status) => {
    const cast = casts.Public
    const id = await makePost(cast.member, cast.groupId)
    expect((await cast[role].delete(`${cast.group}/posts/${id}`)).status).toBe(status)
    expect((await cast.owner.get(`${cast.group}/posts/${id}`)).status).toBe(status === 204 ? 404 : 200)
  })

  it('lets a moderator into a Private group for that, and nobody else', async () => {
    const cast = casts.Private
    const id = await makePost(cast.member, cast.groupId)
    expect((await cast.stranger.delete(`${cast.group}/posts/${id}`)).status).toBe(404)
    expect((await cast.moderator.delete(`${cast.group}/posts/${id}`)).status).toBe(204)
    expect((await cast.moderator.delete(`${cast.group}/posts/${id}`)).status).toBe(404)
  })
})

describe('the pictures of a post', () => {
  it('are added and taken by its author, up to six, and repeatedly', async () => {
    const cast = casts.Public
    const id = await makePost(cast.member, cast.groupId)
    const pictures = Array.from({ length: 7 }, () => randomUUID())
    const path = (picture = '') => `${cast.group}/posts/${id}/pictures/${picture}`
    for (const picture of pictures.slice(0, 6)) {
      expect((await cast.member.post(path(picture))).status).toBe(204)
      expect((await cast.member.post(path(picture.toUpperCase()))).status).toBe(204)
    }
    expect((await cast.member.post(path(pictures[6]))).status).toBe(409)
    const shown = async () => (await cast.member.get<Post>(`${cast.group}/posts/${id}`)).body.mediaIds
    expect(await shown()).toEqual(pictures.slice(0, 6))
    for (const _ of [1, 2]) expect((await cast.member.delete(path(pictures[0]))).status).toBe(204)
    expect(await shown()).toEqual(pictures.slice(1, 6))
    expect((await cast.member.post(path('17'))).status).toBe(400)
    expect((await cast.member.post(`${cast.group}/posts/${UNKNOWN}/pictures/${UNKNOWN}`)).status).toBe(404)
  })
  it('are for its author: 403 to others, 404 where the post is not known', async () => {
    for (const [cast, expected] of [
      [casts.Public, all(403, { member: 204 })],
      [casts.Private, all(403, { member: 204, ...OUTSIDE })],
    ] as const) {
      const path = `${cast.group}/posts/${await makePost(cast.member, cast.groupId)}/pictures/${UNKNOWN}`
      expect(await statuses(cast, (person) => person.post(path))).toEqual(expected)
      expect(await statuses(cast, (person) => person.delete(path))).toEqual(expected)
    }
  })
})
