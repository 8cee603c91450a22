import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Page } from '@platform/http/paging.ts'
import type { Answer } from '@platform/testing/client.ts'
import { type Person, type Platform, startPlatform } from '@platform/testing/platform.ts'
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

/** A text with as many mentions, each of as many characters. */
const mentioning = (count: number, length: number) => ({
  text: '💥'.repeat(length),
  mentions: Array.from({ length: count }, () => ({ mentionedUserId: UNKNOWN, mentionText: '💥'.repeat(length) })),
})

describe('POST /groups/{groupId}/posts', () => {
  it('is for participants who are not muted, also for one of a moment ago', async () => {
    const cast = casts.Public
    expect(await statuses(cast, (person) => person.post(`${cast.group}/posts`, { text: 'Hi' }))).toEqual(
      all(201, { muted: 403, stranger: 403, moderator: 403 }),
    )
  })

  it('is for admins where only they post', async () => {
    const cast = await makeCast(platform, { postRules: 'OnlyAdmin' })
    expect(await statuses(cast, (person) => person.post(`${cast.group}/posts`, { text: 'Hi' }))).toEqual(
      all(403, { owner: 201, admin: 201 }),
    )
  })

  it('shows nothing of a Private group to a stranger', async () => {
    const cast = casts.Private
    expect(await statuses(cast, (person) => person.post(`${cast.group}/posts`, { text: 'Hi' }))).toEqual(
      all(201, { muted: 403, stranger: 404, moderator: 404 }),
    )
  })

  it('makes what a non-admin writes wait where admins approve', async () => {
    const cast = await makeCast(platform, { postRules: 'AdminApproval' })
    await makePost(cast.member, cast.groupId)
    const shown = await makePost(cast.admin, cast.groupId)
    const { body } = await cast.member.get<Page<Post>>(`${cast.group}/feed`)
    expect(body.data.map(({ id }) => id)).toEqual([shown])
    expect(body.total).toBe(1)
  })

  it('keeps everything that is said, and resolves the location', async () => {
    const ana = platform.person()
    const groupId = await makeGroup(ana)
    const input = {
      text: 'With @ben',
      mediaIds: [randomUUID(), randomUUID()],
      mentions: [{ mentionedUserId: randomUUID(), mentionText: '@ben' }],
    }
    const id = await makePost(ana, groupId, { ...input, uri: 'geonames:2950159' })
    const { status, body } = await ana.get<Post>(`/groups/${groupId}/posts/${id}`)
    expect(status).toBe(200)
    expect(body).toMatchObject({
      ...input,
      id,
      groupId,
      authorId: ana.id,
      likeCount: 0,
      commentCount: 0,
      repostCount: 0,
      likedByUser: false,
      commentedByUser: false,
      repostedByUser: false,
      moderationStatus: 'posted',
      moderated: false,
    })
    expect(body.location).toMatchObject({ city: 'Berlin', countryCode: 'DE' })
  })

  it('takes 50 mentions of 100 characters', async () => {
    const ana = platform.person()
    const input = mentioning(50, 100)
    const id = await makePost(ana, undefined, input)
    expect((await ana.get<Post>(`/posts/${id}`)).body).toMatchObject(input)
  })

  it.each([
    ['no text', { text: undefined }, 'body.text is missing'],
    ['a text of 2,001 characters', { text: 'x'.repeat(2001) }, 'body.text'],
    ['seven pictures', { mediaIds: Array.from({ length: 7 }, () => UNKNOWN) }, 'body.mediaIds'],
    ['a picture that is no UUID', { mediaIds: ['x'] }, 'body.mediaIds.0'],
    ['a mention that does not occur', { mentions: [{ mentionedUserId: UNKNOWN, mentionText: '@eve' }] }, 'mentionText'],
    ['an empty mention', { mentions: [{ mentionedUserId: UNKNOWN, mentionText: '' }] }, 'mentionText'],
    ['a mention of 101 characters', mentioning(1, 101), 'body.mentions.0.mentionText'],
    ['51 mentions', mentioning(51, 1), 'body.mentions'],
    ['an empty address', { uri: '' }, 'body.uri'],
    ['an address that nobody can resolve', { uri: 'geonames:0' }, 'body.uri'],
  ])('refuses %s with 400 and names the field', async (_, fields, named) => {
    const { member, group } = casts.Public
    const { status, body } = await member.post(`${group}/posts`, { text: 'Hi', ...fields })
    expect(status).toBe(400)
    expect(body.errors.map(({ message }) => message).join()).toContain(named)
  })

  it('knows no such group: 404; no UUID: 400; no credential: 401', async () => {
    const ana = platform.person()
    expect((await ana.post(`/groups/${UNKNOWN}/posts`, { text: 'Hi' })).status).toBe(404)
    expect((await ana.post('/groups/17/posts', { text: 'Hi' })).status).toBe(400)
    expect((await platform.nobody.post(`/groups/${UNKNOWN}/posts`, { text: 'Hi' })).status).toBe(401)
  })

  it('replays the first answer to the same Idempotency-Key', async () => {
    const ana = platform.person()
    const path = `/groups/${await makeGroup(ana)}/posts`
    const key = { 'Idempotency-Key': randomUUID() }
    const [a, b] = await Promise.all([ana.post(path, { text: 'One' }, key), ana.post(path, { text: 'One' }, key)])
    expect(b).toMatchObject({ status: 201, body: a.body })
    expect((await ana.post(path, { text: 'Two' }, key)).status).toBe(409)
  })
})

describe('reading a published post', () => {
  type Ask = (person: Person, path: string, post: string) => Promise<Answer<unknown>>
  const ASKED: [string, Ask, number?][] = [
    ['GET /groups/{groupId}/posts/{postId}', (person, _, post) => person.get(post)],
    ['GET /groups/{groupId}/feed', (person, _, post) => person.get(post.replace(/posts\/.*/, 'feed'))],
    ['GET /posts/{postId}', (person, path) => person.get(path)],
    ['GET /posts/{postId}/reposters', (person, path) => person.get(`${path}/reposters`)],
    ['POST /posts/{postId}/hide', (person, path) => person.post(`${path}/hide`)],
    ['POST /posts/{postId}/seen', (person, path) => person.post(`${path}/seen`), 204],
  ]
  it.each(ASKED)(
    '%s is for everybody in a Public group, for participants in a Private one',
    async (_, ask, status = 200) => {
      for (const [cast, expected] of [
        [casts.Public, all(status)],
        [casts.Private, all(status, OUTSIDE)],
      ] as const) {
        const id = await makePost(cast.member, cast.groupId)
        const answers = await statuses(cast, (person) => ask(person, `/posts/${id}`, `${cast.group}/posts/${id}`))
        expect([cast.group, answers]).toEqual([cast.group, expected])
      }
    },
  )

  it.each([['PUT'], ['POST'], ['DELETE']] as const)(
    '%s …/repost is the same, but for posts of Private groups',
    async (verb) => {
      for (const [cast, expected] of [
        [casts.Public, all(200)],
        [casts.Private, all(verb === 'DELETE' ? 200 : 403, OUTSIDE)],
      ] as const) {
        const id = await makePost(cast.member, cast.groupId)
        expect(await statuses(cast, (person) => person.send(verb, `/posts/${id}/repost`))).toEqual(expected)
      }
    },
  )

  it('finds a post below its own group only', async () => {
    const ana = platform.person()
    const [one, other] = [await makeGroup(ana), await makeGroup(ana)]
    const id = await makePost(ana, one)
    expect((await ana.get(`/groups/${other}/posts/${id}`)).status).toBe(404)
    expect((await ana.get(`/groups/${one}/posts/${UNKNOWN}`)).status).toBe(404)
  })
})

describe('GET /groups/{groupId}/feed', () => {
  it('is newest first, in pages, without what the caller hid', async () => {
    const [ana, ben] = [platform.person(), platform.person()]
    const groupId = await makeGroup(ana)
    const ids: string[] = []
    for (let i = 0; i < 7; i++) ids.unshift(await makePost(ana, groupId, { text: `Post ${i}` }))
    const feed = async (person: typeof ana, query: string) => {
      const { body } = await person.get<Page<Post>>(`/groups/${groupId}/feed?${query}`)
      return { ids: body.data.map(({ id }) => id), total: body.total, count: body.count }
    }
    expect(await feed(ben, 'limit=3')).toEqual({ ids: ids.slice(0, 3), total: 7, count: 3 })
    expect(await feed(ben, 'limit=3&page=2')).toEqual({ ids: ids.slice(6), total: 7, count: 1 })
    expect(await feed(ben, 'limit=3&page=3')).toEqual({ ids: [], total: 7, count: 0 })
    const hide = await ben.post(`/posts/${ids[1]}/hide`)
    expect(hide).toMatchObject({ status: 200, body: { hidden: true } })
    expect(await feed(ben, 'limit=3')).toEqual({ ids: [ids[0], ids[2], ids[3]], total: 6, count: 3 })
    expect(await feed(ana, 'limit=3')).toEqual({ ids: ids.slice(0, 3), total: 7, count: 3 })
    expect((await ben.post(`/posts/${ids[1]}/hide`)).body).toEqual({ hidden: false })
    expect((await feed(ben, 'limit=3')).total).toBe(7)
    await ben.post(`/posts/${ids[1]}/hide`)
    await ana.delete(`/groups/${groupId}/posts/${ids[1]}`)
    expect(await feed(ben, 'limit=100')).toEqual({ ids: ids.filter((id) => id !== ids[1]), total: 6, count: 6 })
  })

  it('says what the caller did to each post', async () => {
    const cast = casts.Public
    const id = await makePost(cast.owner, cast.groupId)
    await cast.member.post(`/posts/${id}/like`)
    await cast.member.post(`/posts/${id}/comments`, { text: 'Nice' })
    await cast.member.put(`/posts/${id}/repost`)
    const shown = async (person: Person) =>
      (await person.get<Page<Post>>(`${cast.group}/feed`)).body.data.find((post) => post.id === id)
    const counts = { likeCount: 1, commentCount: 1, repostCount: 1 }
    const did = (is: boolean) => ({ likedByUser: is, commentedByUser: is, repostedByUser: is })
    expect(await shown(cast.member)).toMatchObject({ ...counts, ...did(true) })
    expect(await shown(cast.stranger)).toMatchObject({ ...counts, ...did(false) })
  })
})
