import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Page } from '@platform/http/paging.ts'
import { type Platform, startPlatform } from '@platform/testing/platform.ts'
import { readFeed } from '../src/posts/feed.ts'
import type { Post } from '../src/posts/shapes.ts'
import { makeGroup, makePost } from './cast.ts'
import { openSocial } from './database.ts'

let platform: Platform
beforeAll(async () => {
  platform = await startPlatform({ services: ['moderation'] })
})
afterAll(() => platform.stop())

describe('a page far down a feed', () => {
  it('is not read on the connections that short reads share', async () => {
    const { db, pool, close } = openSocial(platform.database)
    let acquired = 0
    pool.on('acquire', () => acquired++)
    const ofPool = async (page: number) => {
      acquired = 0
      await expect(
        readFeed(db, { userId: randomUUID(), roles: ['user'] }, randomUUID(), { page, limit: 100 }),
      ).rejects.toThrow('The group does not exist.')
      return acquired
    }
    expect(await ofPool(0)).toBe(0)
    expect(await ofPool(1_000)).toBe(1)
    expect(await ofPool(0)).toBe(0)
    await close()
  })
})

describe('reading a feed by cursors', () => {
  it('gives everything, and ends', async () => {
    const ana = platform.person()
    const groupId = await makeGroup(ana)
    const ids: string[] = []
    for (let i = 0; i < 4; i++) ids.unshift(await makePost(ana, groupId))
    const read = async (query: string) => {
      const { status, body } = await ana.get<Page<Post> & { nextCursor?: string }>(`/groups/${groupId}/feed?${query}`)
      return { status, ids: body.data?.map(({ id }) => id), total: body.total, nextCursor: body.nextCursor }
    }
    const one = await read('limit=3')
    expect(one).toEqual({ status: 200, ids: ids.slice(0, 3), total: 4, nextCursor: expect.any(String) })
    expect(await read(`limit=3&after=${one.nextCursor}`)).toEqual({ status: 200, ids: ids.slice(3), total: 4 })
    // It goes on from a page by its number as well.
    const two = await read('limit=1&page=1')
    expect((await read(`limit=2&after=${two.nextCursor}`)).ids).toEqual(ids.slice(2))
    expect((await read('limit=2&page=1')).nextCursor).toBeUndefined()
    expect((await read('limit=4')).nextCursor).toBeUndefined()
  })

  it('refuses what is no cursor of this feed, and one beside a page number', async () => {
    const ana = platform.person()
    const [here, there] = [await makeGroup(ana), await makeGroup(ana)]
    for (const groupId of [here, here, there]) await makePost(ana, groupId)
    const { body } = await ana.get<{ nextCursor: string }>(`/groups/${here}/feed?limit=1`)
    for (const query of ['after=x', `after=${body.nextCursor}x`, `after=${body.nextCursor}&page=1`]) {
      expect((await ana.get(`/groups/${here}/feed?${query}`)).status).toBe(400)
    }
    expect((await ana.get(`/groups/${there}/feed?after=${body.nextCursor}`)).status).toBe(400)
    expect((await ana.get(`/groups/${here}/feed?after=${body.nextCursor}`)).status).toBe(200)
  })
})
