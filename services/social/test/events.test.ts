import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { eventually } from '@platform/testing/eventually.ts'
import { type Platform, startPlatform } from '@platform/testing/platform.ts'
import { onServer } from '@platform/testing/server.ts'
import { makeCast, makeComment, makePost } from './cast.ts'

let platform: Platform
beforeAll(async () => {
  platform = await startPlatform({ services: ['moderation'] })
})
afterAll(() => platform.stop())

interface Told {
  type: string
  subject: string
  entityversion: number
  actorid: string
  data: Record<string, unknown>
}

/** What was published under a key, in order: `TYPE SUBJECT VERSION`, once there is as much as is expected. */
async function published(key: string, count: number): Promise<Told[]> {
  return eventually(async () => {
    const { rows } = await onServer(platform.database.adminUrl, (client) =>
      client.query<{ value: string }>('select value from event_log.record where key = $1 order by "offset"', [key]),
    )
    expect(rows.length).toBeGreaterThanOrEqual(count)
    return rows.map(({ value }) => JSON.parse(value))
  })
}

const brief = (key: string, told: Told[]) =>
  told.map(({ type, subject, entityversion }) => {
    const suffix = subject.slice(key.length)
    return `${type.split('.').at(-1)}${suffix} ${entityversion}`
  })

describe('what the service publishes', () => {
  it('is every change of a post, in order, and apart from that its likes as counts', async () => {
    const { member, admin, stranger, group, groupId } = await makeCast(platform, { postRules: 'AdminApproval' })
    const id = await makePost(member, groupId, { text: 'One' })
    const path = `${group}/posts/${id}`
    await admin.post(`${path}/decline`)
    await member.post(`${path}/suggest`)
    await admin.post(`${path}/approve`)
    await stranger.post(`${path}/like`)
    await member.put(path, { text: 'Two' })
    await member.put(path, { text: 'Two' })
    await stranger.post(`${path}/like`)
    await member.delete(path)
    const told = await published(id, 8)
    expect(brief(id, told)).toEqual([
      'created 1',
      'declined 2',
      'suggested 3',
      'approved 4',
      'liked/likes 1',
      'edited 5',
      'unliked/likes 2',
      'deleted 6',
    ])
    expect(told[0]).toMatchObject({
      actorid: member.id,
      data: { id, authorId: member.id, groupId, status: 'suggested', text: 'One', contentRevision: 1 },
    })
    expect(told[4]?.data).toEqual({ postId: id, likeCount: 1 })
    expect(told[5]).toMatchObject({ data: { text: 'Two', contentRevision: 2, likeCount: 1 } })
    expect(told[7]?.data).toHaveProperty('deletedAt')
  })

  it('is every change of a comment, and the deletes that come of a delete, with their actor', async () => {
    const [ana, ben] = [platform.person(), platform.person()]
    const postId = await makePost(ana)
    const commentId = await makeComment(ben, postId)
    for (const text of ['Well said', 'Well said', 'Better said', 'Better said']) {
      await ben.put(`/posts/${postId}/comments/${commentId}`, { text })
    }
    await ana.post(`/posts/${postId}/comments/${commentId}/like`)
    const { body } = await ben.put<{ repostId: string }>(`/posts/${postId}/repost`)
    await ana.delete(`/posts/${postId}`)
    const told = await published(commentId, 5)
    expect(brief(commentId, told)).toEqual(['created 1', 'edited 2', 'edited 3', 'liked/likes 1', 'deleted 4'])
    // What it says is the same, so a decision on it still stands.
    expect(told[1]?.data).toMatchObject({ text: 'Well said', edited: true, contentRevision: 1 })
    expect(told[2]?.data).toMatchObject({ text: 'Better said', edited: true, contentRevision: 2 })
    expect(told[4]?.actorid).toBe(ana.id)
    const reposted = await published(body.repostId, 2)
    expect(brief(body.repostId, reposted)).toEqual(['reposted 1', 'deleted 2'])
    expect(reposted[0]?.data).toMatchObject({ originalPostId: postId, authorId: ben.id })
  })
})
