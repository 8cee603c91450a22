import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Database } from '@platform/db/database.ts'
import { completed } from '@platform/testing/erasures.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { type Platform, startPlatform } from '@platform/testing/platform.ts'
import { onServer } from '@platform/testing/server.ts'
import type { SocialTables } from '../src/db/schema.ts'
import { makeCast, makeComment, makePost } from './cast.ts'
import { openSocial } from './database.ts'
import { endOfLog, names, publishedAfter } from './log.ts'
import { whenAllIsSent } from './transports.ts'

let platform: Platform
let social: Database<SocialTables>
beforeAll(async () => {
  platform = await startPlatform({ env: { ERASURE_BATCH_SIZE: '2', DELETION_BATCH_SIZE: '2' } })
  social = openSocial(platform.database)
})
afterAll(async () => {
  await social.close()
  await platform.stop()
})

/** What is deleted, with something left that hangs on it. */
async function pending(): Promise<string[]> {
  const deletions = await social.db.selectFrom('deletion').select('target_id').execute()
  return deletions.map(({ target_id }) => target_id)
}

/** Keeps the deletes of the service from going on while `work` runs: the first in line waits for a comment. */
async function whileDeletesWait(work: () => Promise<void>): Promise<void> {
  const [ana, ben] = [platform.person(), platform.person()]
  const postId = await makePost(ana)
  await makeComment(ben, postId)
  await onServer(platform.database.adminUrl, async (client) => {
    await client.query('begin')
    await client.query('select from social.comment where post_id = $1 for update', [postId])
    expect((await ana.delete(`/posts/${postId}`)).status).toBe(204)
    await work()
  })
}

describe('erasing somebody whose deletes are not finished', () => {
  it('names them in nothing that those still tell', async () => {
    const cast = await makeCast(platform)
    const postIds = await Promise.all(Array.from({ length: 5 }, () => makePost(cast.member, cast.groupId)))
    const own = await makePost(cast.owner)
    for (let i = 0; i < 3; i++) await makeComment(cast.member, own)
    let erasedAt: Awaited<ReturnType<typeof endOfLog>> = new Map()
    await whileDeletesWait(async () => {
      expect((await cast.owner.delete(`/posts/${own}`)).status).toBe(204)
      expect((await cast.owner.delete(cast.group)).status).toBe(204)
      const bothWait = async () => expect(await pending()).toEqual(expect.arrayContaining([own, cast.groupId]))
      await eventually(bothWait)
      expect((await cast.owner.delete('/user-data')).status).toBe(204)
      await completed(platform.person({ roles: ['admin'] }), cast.owner)
      erasedAt = await endOfLog(platform.database)
      await bothWait()
    })
    await eventually(async () => expect(await pending()).toEqual([]))
    await whenAllIsSent(platform.database)
    const later = await publishedAfter(erasedAt, platform.database)
    const deleted = later.filter(({ type }) => type === 'social.post.deleted').map(({ subject }) => subject)
    expect(deleted).toEqual(expect.arrayContaining(postIds))
    expect(later.filter(({ type }) => type === 'social.comment.deleted').length).toBeGreaterThanOrEqual(3)
    expect(later.filter(names(cast.owner))).toEqual([])
  })
})
