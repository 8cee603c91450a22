import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { DEVELOPMENT_SECRET } from '@platform/config/env.ts'
import type { Database } from '@platform/db/database.ts'
import { runStep as runErasureStep } from '@platform/erasure/erase.ts'
import type { Caller } from '@platform/http/assertion.ts'
import { cloneDatabase, type TestDatabase } from '@platform/testing/database.ts'
import { type Explained, explainAll, largeTables, mostReadBy, readBy, scansOf } from '@platform/testing/statements.ts'
import { type RawBuilder, sql } from 'kysely'
import { showComments } from '../src/comments/comment-view.ts'
import { createComment, deleteComment } from '../src/comments/comments.ts'
import { listComments, listReplies } from '../src/comments/list-comments.ts'
import type { SocialTables, Tx } from '../src/db/schema.ts'
import { runStep } from '../src/deletions/finish.ts'
import { enqueueDeletion } from '../src/deletions/queue.ts'
import { STEPS } from '../src/deletions/steps.ts'
import { ERASURE_STEPS } from '../src/erasure/steps.ts'
import { listCommentLikes, listPostLikes, toggleCommentLike, togglePostLike } from '../src/likes/likes.ts'
import { Cursors } from '../src/lists/cursor.ts'
import { findSeeable, insertSeen, markSeen, toggleHidden } from '../src/marks/marks.ts'
import { findLate } from '../src/membership/administered.ts'
import { FROM_THE_START, feedQuery, listProfile, readFeed } from '../src/posts/feed.ts'
import { getPost, judgedQuery } from '../src/posts/find-post.ts'
import { createPost, deletePost } from '../src/posts/posts.ts'
import { showPosts } from '../src/posts/show-posts.ts'
import { approvePost, listSuggested, listToApprove } from '../src/posts/suggestions.ts'
import { listReposters, repost } from '../src/reposts/reposts.ts'
import { snapshots } from '../src/snapshots.ts'
import { COUNTER_NAMES, recountOne } from '../src/totals/recount.ts'
import { openSocial } from './database.ts'
import { fill, nth } from './large-database.ts'

let database: TestDatabase
let social: Database<SocialTables>
let large: Set<string>

beforeAll(async () => {
  database = await cloneDatabase()
  social = openSocial(database)
  await fill(social.db)
  large = await largeTables(social)
})
afterAll(async () => {
  await social.close()
  await database.drop()
})

const caller = (n: number): Caller => ({ userId: nth('person', n), roles: ['user'] })
const cause = { at: new Date('2026-01-02T03:04:05Z') }
const first = { page: 0, limit: 10 }
const third = { page: 2, limit: 10 }
const cursors = new Cursors(DEVELOPMENT_SECRET)
const batch = (n: number) => ({ userId: nth('person', n), limit: 500, cause })
const ids = (kind: 'group' | 'post' | 'comment', count: number) =>
  Array.from({ length: count }, (_, n) => nth(kind, n * 8 + 3))
const reader = caller(7)
const FIRST_GROUP = nth('group', 0)
const FIRST_POST = nth('post', 0)
/** A group that much waits in, and its admin. */
const [WAITING_IN, admin] = [nth('group', 1), caller(0)]

/** Everything that anybody can see: nobody has to be asked. */
const depsOn = (db: Tx) => ({
  db,
  redactedStatuses: new Set() as never,
  groups: {
    get: () => {
      throw new Error('The groups service was asked.')
    },
  },
})
const asking = (who: Caller) => ({ caller: who })
const confirmed = new Set([FIRST_GROUP, WAITING_IN])

/** What is run, and how many rows a step of a plan may have read at most: a page, what one person hid, or a batch. */
const OPERATIONS: [string, (db: Tx) => Promise<unknown>, mostRows?: number][] = [
  ["the first page of the largest group's feed", (db) => readFeed(db, reader, FIRST_GROUP, first)],
  ['a later page of it', (db) => readFeed(db, reader, FIRST_GROUP, third)],
  [
    'what comes after a post in it',
    (db) => readFeed(db, reader, FIRST_GROUP, { ...first, after: { createdAt: new Date(0), id: nth('post', 5) } }),
  ],
  [
    'what comes after a comment',
    (db) =>
      listComments(db, reader, FIRST_POST, { ...first, after: { createdAt: new Date(0), id: nth('comment', 5) } }),
  ],
  [
    "what comes after a profile's post",
    (db) => listProfile(db, reader.userId, 'all', { ...first, after: { createdAt: new Date(), id: nth('post', 5) } }),
  ],
  ["a small group's feed", (db) => readFeed(db, reader, nth('group', 17), first)],
  ['a post of a group', (db) => getPost(db, reader, FIRST_POST, { groupId: FIRST_GROUP })],
  [
    'what waits in a group, for its admin',
    (db) => listSuggested(db, admin, WAITING_IN, { page: 0, limit: 100 }, confirmed),
  ],
  ['what waits in a group, for its author', (db) => listSuggested(db, caller(41), WAITING_IN, first, confirmed), 1500],
  ['what waits for an admin', (db) => listToApprove(db, admin, first)],
  [
    'where our copy is late about an admin',
    (db) =>
      findLate(
        db,
        admin.userId,
        ids('group', 100).map((groupId) => ({ groupId, version: 2 })),
      ),
  ],
  ...(['all', 'created', 'reposted'] as const).map((type): [string, (db: Tx) => Promise<unknown>] => [
    `a profile: ${type}`,
    async (db) => {
      const { rows } = await listProfile(db, nth('person', 7), type, first)
      return showPosts(depsOn(db), asking(reader), rows)
    },
  ]),
  [
    'posts by their ids',
    async (db) => {
      const rows = await db.selectFrom('post').selectAll().where('id', 'in', ids('post', 100)).execute()
      return showPosts(depsOn(db), asking(reader), rows)
    },
  ],
  ['who reposted the most reposted', (db) => listReposters(db, reader, nth('post', 3), 4)],
  [
    'comments of the most commented',
    async (db) => {
      const { rows } = await listComments(db, reader, FIRST_POST, third)
      return showComments(db, reader, rows, depsOn(db).redactedStatuses)
    },
  ],
  ...([undefined, cursors.write(nth('comment', 0), { createdAt: new Date(), id: nth('comment', 5) })] as const).map(
    (after): [string, (db: Tx) => Promise<unknown>] => [
      `replies, ${after ? 'at a cursor' : 'from the start'}`,
      (db) => listReplies(db, reader, { postId: FIRST_POST, commentId: nth('comment', 0), after, limit: 10 }, cursors),
    ],
  ),
  ['who likes the most liked', (db) => listPostLikes(db, reader, 'anywhere', FIRST_POST, third)],
  ['who likes a comment', (db) => listCommentLikes(db, reader, FIRST_POST, nth('comment', 10), first)],
  ['liking a post', (db) => togglePostLike(db, reader, 'anywhere', FIRST_POST, cause)],
  ['liking a comment', (db) => toggleCommentLike(db, reader, FIRST_POST, nth('comment', 10), cause)],
  ['hiding', (db) => toggleHidden(db, reader, FIRST_POST, cause.at)],
  ['seeing', (db) => markSeen(db, reader, FIRST_POST, cause.at)],
  [
    'seeing many',
    async (db) => insertSeen(db, reader, await findSeeable(depsOn(db), asking(reader), ids('post', 100)), cause.at),
  ],
  ['posting', (db) => createPost(db, admin, WAITING_IN, { text: 'x' }, undefined, cause, confirmed)],
  ['approving', (db) => approvePost(db, admin, WAITING_IN, nth('post', 1001), cause)],
  ['reposting', (db) => repost(db, caller(8), nth('post', 3), cause)],
  ['deleting a post', (db) => deletePost(db, caller(0), 'anywhere', FIRST_POST, cause)],
  ['commenting', (db) => createComment(db, reader, { postId: nth('post', 3) }, { text: 'x' }, cause)],
  ['deleting a comment', (db) => deleteComment(db, caller(10), FIRST_POST, nth('comment', 10), cause)],
  ['noting a delete', (db) => enqueueDeletion(db, 'post', FIRST_POST, cause)],
  ...Object.entries({ group: FIRST_GROUP, post: FIRST_POST, comment: nth('comment', 0) }).flatMap(([kind, id]) =>
    STEPS[kind as keyof typeof STEPS].map((step, n): [string, (db: Tx) => Promise<unknown>] => [
      `deleting what hangs on a ${kind}, step ${n + 1}`,
      (db) => runStep(db, step, [id], 500, cause),
    ]),
  ),
  ...ERASURE_STEPS.map((step, n): [string, (db: Tx) => Promise<unknown>] => [
    `erasing a person, step ${n + 1}`,
    (db) => runErasureStep(db, step, batch(30)),
  ]),
  ...snapshots.map((snapshot): [string, (db: Tx) => Promise<unknown>] => [
    `telling ${snapshot.topic} again`,
    (db) => snapshot.page(db, nth('post', 5_000), 200),
  ]),
]

const scans = (explained: Explained[]) => explained.flatMap((one) => scansOf(one, large))

describe('with a million posts', () => {
  it('has tables that are large', () => {
    expect([...large].sort()).toEqual(
      expect.arrayContaining(['comment', 'comment_like', 'participant', 'post', 'post_hide', 'post_like', 'post_seen']),
    )
  })

  it.each(OPERATIONS)('%s: no sequential scan, and few rows', async (_, run, mostRows = 1_000) => {
    const explained = await explainAll(social, run)
    expect(explained.length).toBeGreaterThan(0)
    expect(scans(explained)).toEqual([])
    expect(explained.filter((one) => mostReadBy(one) > mostRows).map(({ text }) => text)).toEqual([])
  })

  it.each(COUNTER_NAMES.map((name) => [name]))('setting %s right: no sequential scan', async (counter) => {
    const ids = new Map([
      ['group_total', FIRST_GROUP],
      ['user_total', nth('person', 7)],
      ['comment', nth('comment', 0)],
    ])
    const id = ids.get(counter.replace(/\..*/, '')) ?? FIRST_POST
    const explained = await explainAll(social, (db) => recountOne(db, { counter, id }))
    expect(explained.length).toBeGreaterThan(0)
    expect(scans(explained)).toEqual([])
  })

  // A connection plans them once for all values, so the plan must not depend on those.
  const PREPARED: [string, RawBuilder<unknown>][] = [
    ['the feed', feedQuery({ userId: reader.userId, groupId: FIRST_GROUP, skipped: 0, limit: 10, ...FROM_THE_START })],
    ['whether a post is seen', judgedQuery({ postId: FIRST_POST, userId: reader.userId })],
  ]
  it.each(PREPARED)('%s, planned for any values: no sequential scan, and few rows', async (_, query) => {
    const { sql: text, parameters } = query.compile(social.db)
    const values = parameters.map((value) => `'${value}'`).join(', ')
    const explained = await explainAll(social, async (trx) => {
      await sql`set local plan_cache_mode = force_generic_plan`.execute(trx)
      await sql.raw(`prepare query as ${text}`).execute(trx)
      await sql.raw(`execute query(${values})`).execute(trx)
      await sql.raw('deallocate query').execute(trx)
    })
    expect(explained).toHaveLength(1)
    expect(scans(explained)).toEqual([])
    expect(explained.flatMap(({ steps }) => steps).filter((step) => readBy(step) > 1_000)).toEqual([])
  })
})
