import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { commentLiked, commentUnliked, postLiked, postUnliked } from '@platform/contracts/social.ts'
import type { Database } from '@platform/db/database.ts'
import { type EventHandler, on, startConsumer } from '@platform/events/consumer.ts'
import { EmbeddedLog } from '@platform/events/embedded-log.ts'
import { listParked } from '@platform/events/parked.ts'
import { nextVersion } from '@platform/events/versions.ts'
import { createLogger } from '@platform/log/logger.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { type Person, type Platform, startPlatform } from '@platform/testing/platform.ts'
import { onServer } from '@platform/testing/server.ts'
import { toCommentState } from '../src/comments/comment-view.ts'
import type { SocialTables } from '../src/db/schema.ts'
import { toPostState } from '../src/posts/post-view.ts'
import { makeCast, makeComment, makePost } from './cast.ts'
import { openSocial } from './database.ts'

let platform: Platform
let social: Database<SocialTables>
beforeAll(async () => {
  platform = await startPlatform({ services: ['moderation'] })
  social = openSocial(platform.database)
})
afterAll(async () => {
  await stopCounting()
  await social.close()
  await platform.stop()
})

const CLI = fileURLToPath(new URL('../../../libs/events/src/cli.ts', import.meta.url))

const query = <R extends object>(text: string) =>
  onServer(platform.database.adminUrl, async (client) => (await client.query<R>(text)).rows)

/** Runs the command as an operator does. @returns what it says */
async function events(...args: string[]): Promise<string> {
  const env = { PATH: process.env.PATH, DATABASE_URL: platform.database.urlFor('social') }
  const { stdout } = await promisify(execFile)(process.execPath, [CLI, ...args], {
    env,
  })
  return stdout
}

const whenAllIsSent = () =>
  eventually(async () => {
    const left = await query('select from social.outbox union all select from groups.outbox')
    expect(left).toHaveLength(0)
    expect(await query('select from social.deletion')).toHaveLength(0)
  })

interface Item {
  id: string
  version: number
  content: unknown
  isDeleted: boolean
}

/** Moderation's copy of posts and comments. */
const copied = () =>
  query<Item>(`
    select entity_id as id, content_version as version, content, deleted_at is not null as "isDeleted"
    from moderation.item where entity_type in ('post', 'comment') order by entity_id`)

/** What that copy should be. */
async function owned(): Promise<Item[]> {
  const posts = await social.db.selectFrom('post').selectAll().execute()
  const comments = await social.db.selectFrom('comment').selectAll().execute()
  return [
    ...posts.map((row) => ({ row, content: toPostState(row) })),
    ...comments.map((row) => ({ row, content: toCommentState(row) })),
  ]
    .map(({ row, content }) => ({
      id: row.id,
      version: row.version,
      content: JSON.parse(JSON.stringify(content)),
      isDeleted: row.deleted_at !== null,
    }))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** Counts of likes as a service keeps them that insists on versions without holes, by subject. */
const likeCounts = new Map<string, { version: number; count: number }>()
const countLikes = [postLiked, postUnliked, commentLiked, commentUnliked].map(
  (type): EventHandler<SocialTables> =>
    on<SocialTables, { likeCount: number }>(type, async (_, event) => {
      if (nextVersion(likeCounts.get(event.subject)?.version, event) === 'stale') return
      likeCounts.set(event.subject, { version: event.entityversion, count: event.data.likeCount })
    }),
)

let stopCounting = async () => {}

function startCounting(): void {
  const log = createLogger({ service: 'test', level: 'silent', format: 'pretty' })
  const { db, pool } = social
  const transport = new EmbeddedLog({ pool, databaseUrl: platform.database.urlFor('social'), log })
  const clock = () => new Date()
  const counting = startConsumer({ db, transport, name: 'counting', handlers: countLikes, log, clock })
  stopCounting = async () => {
    await counting.stop()
    await transport.close()
  }
}

describe('the snapshots', () => {
  it('build read models anew when what was published has gone, and later events go on from there', async () => {
    const { member, admin, owner, stranger, groupId } = await makeCast(platform, { postRules: 'AdminApproval' })
    const like = async (path: string, ...people: Person[]) => {
      for (const person of people) await person.post(`${path}/like`)
    }
    const published = await makePost(owner, groupId, { text: 'One', uri: 'geo:59.91,10.75' })
    const waiting = await makePost(member, groupId)
    const declined = await makePost(member, groupId)
    await admin.post(`/groups/${groupId}/posts/${declined}/decline`)
    const edited = await makePost(member, undefined, { text: 'Hello Ana', mentions: [mentionOf(owner)] })
    await member.put(`/posts/${edited}`, { text: 'Two' })
    const deleted = await makePost(member)
    await makeComment(stranger, deleted)
    await stranger.put(`/posts/${deleted}/repost`)
    await like(`/posts/${deleted}`, owner)
    await member.delete(`/posts/${deleted}`)
    await stranger.put(`/posts/${edited}/repost`)
    const comment = await makeComment(owner, edited)
    await makeComment(member, edited, comment)
    const gone = await makeComment(owner, edited)
    await owner.delete(`/posts/${edited}/comments/${gone}`)
    await like(`/posts/${edited}`, owner, admin, owner)
    await like(`/posts/${edited}/comments/${comment}`, member, admin)
    await whenAllIsSent()
    await eventually(async () => expect(await copied()).toHaveLength(11))

    // Moderation lost its copy, and the log is past its retention.
    await query(`delete from moderation.item where entity_type in ('post', 'comment')`)
    await query('delete from moderation.item_total')
    await query('delete from event_log.record')

    startCounting()
    expect(await events('republish', 'social.post')).toContain('8 states of social.post')
    expect(await events('republish', 'social.comment')).toContain('5 states of social.comment')
    const expected = await owned()
    await eventually(async () => expect(await copied()).toEqual(expected))
    expect(expected.filter(({ isDeleted }) => isDeleted)).toHaveLength(4)
    expect(expected.map(({ id }) => id)).toEqual(expect.arrayContaining([published, waiting, declined, edited]))
    const likes = (id: string) => likeCounts.get(`${id}/likes`)
    await eventually(() => {
      expect(likes(edited)).toEqual({ version: 3, count: 1 })
      expect(likes(comment)).toEqual({ version: 2, count: 2 })
    })
    expect(likes(deleted)).toBeUndefined()

    // What comes now is the next version of each.
    await member.put(`/posts/${edited}`, { text: 'Three' })
    await like(`/posts/${edited}`, owner)
    await like(`/posts/${edited}/comments/${comment}`, admin)
    await member.delete(`/groups/${groupId}/posts/${waiting}`)
    await whenAllIsSent()
    await eventually(async () => {
      const items = new Map((await copied()).map((item) => [item.id, item]))
      expect(items.get(edited)).toMatchObject({ version: 3, content: { text: 'Three' } })
      expect(items.get(waiting)).toMatchObject({ version: 2, isDeleted: true })
      expect(likes(edited)).toEqual({ version: 4, count: 2 })
      expect(likes(comment)).toEqual({ version: 3, count: 1 })
    })
    expect(await listParked(social.db)).toEqual([])
    expect(await query('select from moderation.parked_event')).toEqual([])

    // Told once more, to those who have it all: nothing changes.
    const before = await copied()
    await events('republish', 'social.post')
    const last = await makePost(member)
    await eventually(async () => expect((await copied()).map(({ id }) => id)).toContain(last))
    expect((await copied()).filter(({ id }) => id !== last)).toEqual(before)
  })
})

const mentionOf = ({ id }: Person) => ({ mentionedUserId: id, mentionText: 'Ana' })
