import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { NOBODY } from '@platform/contracts/erasure.ts'
import type { Database } from '@platform/db/database.ts'
import type { Page } from '@platform/http/paging.ts'
import { completed } from '@platform/testing/erasures.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { type Person, type Platform, startPlatform } from '@platform/testing/platform.ts'
import { onServer } from '@platform/testing/server.ts'
import type { Comment } from '../src/comments/shapes.ts'
import type { SocialTables } from '../src/db/schema.ts'
import type { Post } from '../src/posts/shapes.ts'
import { findDrift } from '../src/totals/recount.ts'
import { type Cast, makeCast, makeComment, makeGroup, makePost } from './cast.ts'
import { openSocial } from './database.ts'
import { endOfLog, names, publishedAfter } from './log.ts'
import { whenAllIsSent } from './transports.ts'

let platform: Platform
let root: Person
let social: Database<SocialTables>
beforeAll(async () => {
  platform = await startPlatform({ env: { ERASURE_BATCH_SIZE: '2', DELETION_BATCH_SIZE: '2' } })
  root = platform.person({ roles: ['admin'] })
  social = openSocial(platform.database)
})
afterAll(async () => {
  await social.close()
  await platform.stop()
})

/** Erases somebody, and waits until every service has done its part. */
async function erase(person: Person): Promise<void> {
  expect((await person.delete('/user-data')).status).toBe(204)
  await completed(root, person)
}

/** Every table of every process in which a row names the person. */
async function traces({ id }: Person): Promise<string[]> {
  return onServer(platform.database.adminUrl, async (client) => {
    const { rows } = await client.query<{ name: string }>(`
      select format('%I.%I', table_schema, table_name) as name from information_schema.tables
      where table_schema in ('gateway', 'groups', 'social', 'moderation') and table_type = 'BASE TABLE'`)
    const found: string[] = []
    for (const { name } of rows) {
      const { rowCount } = await client.query(`select from ${name} as row where row::text ilike $1 limit 1`, [
        `%${id}%`,
      ])
      if (rowCount) found.push(name)
    }
    return found
  })
}

// One more than a batch takes.
const OF_EACH_KIND = 3

/** Somebody who has done everything that can be done, in a group that `cast` has and on their own. */
async function busyPerson(cast: Cast): Promise<Person> {
  const person = platform.person({ roles: ['moderator'] })
  await person.post(`${cast.group}/follow`)
  await makePost(person, await makeGroup(person))
  for (let i = 0; i < OF_EACH_KIND; i++) {
    const own = await makePost(person, i % 2 === 0 ? cast.groupId : undefined, { text: 'My words' })
    const ownComment = await makeComment(cast.member, own)
    await makeComment(person, own, ownComment)
    await cast.member.post(`/posts/${own}/like`)
    const other = await makePost(cast.member, cast.groupId)
    const comment = await makeComment(person, other)
    await makeComment(cast.owner, other, comment)
    await makeComment(person, other, comment)
    const theirs = await makeComment(cast.owner, other)
    await person.post(`/posts/${other}/comments/${theirs}/like`)
    await cast.owner.post(`/posts/${other}/comments/${comment}/like`)
    await person.post(`/posts/${other}/like`)
    await person.put(`/posts/${other}/repost`)
    await person.post(`/posts/${other}/hide`)
    await person.post(`/posts/${other}/seen`)
    const mentions = [{ mentionedUserId: person.id, mentionText: 'them' }]
    await cast.owner.post(`/posts/${own}/comments`, { text: 'I mean them', mentions })
    await person.put(`/posts/${own}/repost`)
  }
  return person
}

describe('erasing a person', () => {
  it('leaves nothing of theirs to be seen, and all counts right', async () => {
    const cast = await makeCast(platform)
    const person = await busyPerson(cast)
    const kept = await makePost(cast.member, cast.groupId)
    const comment = await makeComment(person, kept)
    await makeComment(person, kept, await makeComment(cast.owner, kept, comment))
    await person.post(`/posts/${kept}/like`)
    await person.put(`/posts/${kept}/repost`)
    await cast.owner.post(`/posts/${kept}/like`)
    await erase(person)

    const { body: post } = await cast.owner.get<Post>(`/posts/${kept}`)
    expect(post).toMatchObject({ likeCount: 1, commentCount: 1, repostCount: 0, text: 'Hello' })
    const { body: comments } = await cast.owner.get<Page<Comment>>(`/posts/${kept}/comments`)
    expect(comments).toMatchObject({ total: 1, data: [{ parentCommentDeleted: true, replyCount: 0 }] })
    const { body: feed } = await cast.owner.get<Page<Post>>(`${cast.group}/feed?limit=100`)
    expect(new Set(feed.data.map(({ authorId }) => authorId))).toEqual(new Set([cast.member.id]))
    expect(feed.total).toBe(OF_EACH_KIND + 1)
    expect((await cast.owner.get<Page<Post>>(`/users/${person.id}/posts?type=all`)).body.total).toBe(0)
    // The member's comments went with the erased person's posts, afterwards.
    await eventually(async () => {
      const left = await social.db.selectFrom('deletion').select('target_id').execute()
      expect(left).toEqual([])
    })
    expect(await findDrift(social.db)).toEqual([])
  })

  it('takes posts that wait or were declined, and lets suggestions count down', async () => {
    const cast = await makeCast(platform, { postRules: 'AdminApproval' })
    const waiting = [await makePost(cast.member, cast.groupId), await makePost(cast.follower, cast.groupId)]
    const declined = await makePost(cast.member, cast.groupId)
    await cast.admin.post(`${cast.group}/posts/${declined}/decline`)
    await erase(cast.member)
    const { body } = await cast.admin.get<Page<Post>>('/posts/suggested')
    expect([body.total, body.data.map(({ id }) => id)]).toEqual([1, [waiting[1]]])
    for (const id of [waiting[0], declined]) {
      expect((await cast.admin.get(`${cast.group}/posts/${id}`)).status).toBe(404)
    }
    expect(await findDrift(social.db)).toEqual([])
  })

  it('takes their mentions out of what others wrote, and nothing else', async () => {
    const [ana, ben, cat] = [platform.person(), platform.person(), platform.person()]
    const mentions = [
      { mentionedUserId: ben.id.toUpperCase(), mentionText: '@ben' },
      { mentionedUserId: cat.id, mentionText: '@cat' },
      { mentionedUserId: ben.id, mentionText: 'Benny' },
    ]
    const text = 'Hello @ben and @cat, says Benny'
    const id = await makePost(ana, undefined, { text, mentions })
    await ana.post(`/posts/${id}/comments`, { text, mentions: mentions.slice(0, 1) })
    const deleted = await makePost(ana, undefined, { text, mentions })
    await ana.delete(`/posts/${deleted}`)
    const before = (await ana.get<Post>(`/posts/${id}`)).body
    const moderator = platform.person({ roles: ['moderator'] })
    const { status } = await moderator.post(`/moderation/posts/${id}/transitions`, { status: 'rejected' })
    expect(status).toBe(200)
    await erase(ben)
    const { body: after } = await ana.get<Post>(`/posts/${id}`)
    expect(after).toEqual({ ...before, mentions: mentions.slice(1, 2), moderationStatus: expect.any(String) })
    const { body: comments } = await ana.get<Page<Comment>>(`/posts/${id}/comments`)
    expect(comments.data).toMatchObject([{ text, mentions: [], edited: false }])
    // Nobody has edited the post: what was rejected stays so.
    await eventually(async () => expect(await traces(ben)).toEqual(['groups.erasure']))
    expect((await ana.get<Post>(`/posts/${id}`)).body.moderationStatus).toBe('rejected')
  })

  it('leaves no trace in any table, and their id in no later event but those that have to say it', async () => {
    const cast = await makeCast(platform)
    const person = await busyPerson(cast)
    const deletedGroup = await makeGroup(person)
    const deletedPost = await makePost(person, deletedGroup)
    await makeComment(person, deletedPost)
    await person.delete(`/groups/${deletedGroup}`)
    const reported = await makePost(cast.member, cast.groupId)
    await person.post('/reports', { entityType: 'post', entityId: reported, reason: 'spam', comment: 'It is me' })
    const moderated = await makePost(person, cast.groupId)
    const theirs = await makeComment(person, moderated)
    await cast.moderator.post(`/moderation/posts/${moderated}/transitions`, { status: 'flagged' })
    await person.post(`/moderation/comments/${theirs}/transitions`, { status: 'review' })
    await person.post(`/moderation/posts/${reported}/transitions`, { status: 'flagged' })
    // A kept answer names them, too.
    await person.post('/posts', { text: 'Hello' }, { 'idempotency-key': person.id })
    // What was said before may still be on its way; by the time of the request it lies in the log.
    await eventually(async () => {
      expect((await person.get(`/groups/${deletedGroup}/feed`)).status).toBe(404)
      const rows = await social.db.selectFrom('deletion').select('target_id').execute()
      expect(rows).toEqual([])
    })
    expect((await traces(person)).length).toBeGreaterThan(10)

    await whenAllIsSent(platform.database)
    const before = await endOfLog(platform.database)
    await erase(person)
    await eventually(async () => expect(await traces(person)).toEqual(['groups.erasure']))

    await whenAllIsSent(platform.database)
    const later = (await publishedAfter(before, platform.database)).filter(names(person))
    expect([...new Set(later.map(({ type }) => type))].sort()).toEqual([
      'groups.erasure.requested',
      'groups.participant.left',
    ])
    for (const { actorid } of later) expect(actorid).toBeUndefined()

    const trail = await cast.moderator.get<Page<{ actorId: string; subjectId: string }>>(
      `/moderation/posts/${reported}/transitions`,
    )
    expect(trail.body.data).toMatchObject([{ actorId: NOBODY, subjectId: cast.member.id }])
    const counted = await onServer(platform.database.adminUrl, async (client) => {
      const { rows } = await client.query(
        `select open_report_count, (select count(*)::integer from moderation.report as r where r.entity_id = i.entity_id)
         as reports from moderation.item as i where entity_id = $1`,
        [reported],
      )
      return rows
    })
    expect(counted).toEqual([{ open_report_count: 1, reports: 1 }])
  })

  it('may be repeated after they came back: the second time takes what is new', async () => {
    const cast = await makeCast(platform)
    await makePost(cast.member, cast.groupId)
    await erase(cast.member)
    expect((await cast.member.post(`${cast.group}/posts`, { text: 'x' })).status).toBe(403)
    await cast.member.post(`${cast.group}/follow`)
    // Their place's versions go on, so nothing has to wait.
    await eventually(async () => {
      const copies = await social.db
        .selectFrom('participant')
        .select(['version', 'deleted_at'])
        .where('group_id', '=', cast.groupId)
        .where('user_id', '=', cast.member.id)
        .execute()
      expect(copies).toEqual([{ version: 3, deleted_at: null }])
    })
    expect(await social.db.selectFrom('parked_event').selectAll().execute()).toEqual([])
    const id = await makePost(cast.member, cast.groupId)
    await cast.member.post(`/posts/${id}/like`)
    await erase(cast.member)
    expect((await cast.owner.get(`/posts/${id}`)).status).toBe(404)
    await eventually(async () => expect(await traces(cast.member)).toEqual(['groups.erasure']))
    expect(await findDrift(social.db)).toEqual([])
  })

  it('keeps counts right while everybody goes on', async () => {
    const cast = await makeCast(platform)
    const person = await busyPerson(cast)
    const { body: feed } = await cast.owner.get<Page<Post>>(`${cast.group}/feed?limit=100`)
    const others = [cast.owner, cast.admin, cast.follower, person]
    const erasing = erase(person)
    await Promise.all(
      feed.data.flatMap(({ id }) =>
        others.flatMap((other) => [
          other.post(`/posts/${id}/like`),
          other.post(`/posts/${id}/comments`, { text: 'Me too' }),
          other.post(`/posts/${id}/repost`),
        ]),
      ),
    )
    await erasing
    await erase(person)
    await eventually(async () => {
      expect(await social.db.selectFrom('deletion').select('target_id').execute()).toEqual([])
    })
    expect(await findDrift(social.db)).toEqual([])
    await eventually(async () => expect(await traces(person)).toEqual(['groups.erasure']))
  })
})
