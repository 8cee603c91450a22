import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Database } from '@platform/db/database.ts'
import { cloneDatabase, type TestDatabase } from '@platform/testing/database.ts'
import { type CompiledQuery, type Kysely, sql } from 'kysely'
import { likedQuery } from '../src/comments/comment-view.ts'
import { commentsQuery, repliesQuery } from '../src/comments/list-comments.ts'
import type { SocialTables } from '../src/db/schema.ts'
import { writtenCommentsQuery } from '../src/erasure/comments.ts'
import { mentioningQuery } from '../src/erasure/mentions.ts'
import { writtenPostsQuery } from '../src/erasure/posts.ts'
import { commentLikesQuery, postLikesQuery } from '../src/likes/likes.ts'
import { feedQuery, profileQuery } from '../src/posts/feed.ts'
import { flagsQuery } from '../src/posts/show-posts.ts'
import { toApproveQuery } from '../src/posts/suggestions.ts'
import { repostersQuery } from '../src/reposts/reposts.ts'
import { openSocial } from './database.ts'

/** `PLANS_AT=1000000` looks at the plans at full size, in about a minute. */
const POSTS = Number(process.env.PLANS_AT ?? 100_000)
const SMALL_TABLES = ['group_total', 'user_total', 'group']

let database: TestDatabase
let social: Database<SocialTables>
let db: Kysely<SocialTables>

/** The id of the n-th of a kind. */
const uuid = (kind: string, n: number) => `${kind.repeat(8)}-0000-4000-8000-${n.toString(16).padStart(12, '0')}`
const sqlUuid = (kind: string, n: string) =>
  sql.raw(`('${kind.repeat(8)}-0000-4000-8000-' || lpad(to_hex((${n})::bigint), 12, '0'))::uuid`)

/** Skewed, as life is: the first group has a fifth of all posts, the first post a tenth of all comments and likes. */
async function seed(): Promise<void> {
  const group = sqlUuid('a', 'case when n % 5 = 0 then 0 else n % 1000 end')
  const author = sqlUuid('b', 'n % 20000')
  const post = sqlUuid('c', `case when n % 10 = 0 then 0 else n % ${POSTS} end`)
  const ago = sql.raw(`now() - n * interval '1 minute'`)
  const mention = sql`jsonb_build_object('mentionedUserId', ${author}, 'mentionText', 'text')`
  const mentions = sql`case when n % 3 = 0 then jsonb_build_array(${mention}) else '[]' end`
  const numbers = (count: number) => sql.raw(`generate_series(0, ${count - 1}) as n`)
  await sql`insert into "group" select ${sqlUuid('a', 'n')}, ${sqlUuid('b', 'n')}, 'AdminApproval', 'Public', 1
    from ${numbers(1000)}`.execute(db)
  await sql`insert into participant select ${sqlUuid('a', 'n % 1000')}, ${sqlUuid('b', 'n / 5')}, n % 5 = 0, false, 1
    from ${numbers(POSTS)} on conflict do nothing`.execute(db)
  await sql`
    insert into post (id, author_id, group_id, original_post_id, status, text, mentions, created_at, updated_at)
    select ${sqlUuid('c', 'n')}, ${author},
      case when n % 4 < 3 then ${group} end,
      case when n % 8 = 7 then ${sqlUuid('c', 'n % 50')} end,
      case when n % 40 = 1 then 'suggested' else 'published' end, 'text', ${mentions}, ${ago}, now()
    from ${numbers(POSTS)} on conflict do nothing`.execute(db)
  await sql`
    insert into comment (id, post_id, author_id, parent_comment_id, text, mentions, created_at, updated_at)
    select ${sqlUuid('d', 'n')}, ${post}, ${author}, case when n % 3 = 0 then ${sqlUuid('d', 'n % 100')} end,
      'text', ${mentions}, ${ago}, now()
    from ${numbers(POSTS)}`.execute(db)
  await sql`insert into post_like select ${sqlUuid('e', 'n')}, ${post}, ${sqlUuid('b', 'n / 3')}, ${ago}
    from ${numbers(POSTS)} on conflict do nothing`.execute(db)
  await sql`
    insert into comment_like
    select ${sqlUuid('e', 'n')}, ${sqlUuid('d', 'n % 5000')}, ${post}, ${sqlUuid('b', 'n / 3')}, ${ago}
    from ${numbers(POSTS)} on conflict do nothing`.execute(db)
  await sql`insert into post_hide select ${sqlUuid('b', 'n % 10000')}, ${post}, now()
    from ${numbers(POSTS)} on conflict do nothing`.execute(db)
  await sql`
    insert into group_total select group_id, count(*) filter (where status = 'published'),
      count(*) filter (where status = 'suggested') from post where group_id is not null group by 1`.execute(db)
  for (const table of ['group', 'participant', 'post', 'comment', 'post_like', 'comment_like', 'post_hide']) {
    await sql`analyze ${sql.table(table)}`.execute(db)
  }
}

beforeAll(async () => {
  database = await cloneDatabase()
  social = openSocial(database)
  db = social.db
  await seed()
}, 300_000)
afterAll(async () => {
  await social.close()
  await database.drop()
})

interface PlanNode {
  'Node Type': string
  'Relation Name'?: string
  'Actual Rows': number
  'Actual Loops': number
  'Rows Removed by Filter'?: number
  Plans?: PlanNode[]
}

/** The steps of the plan that was carried out. */
async function planOf({ sql: text, parameters }: CompiledQuery): Promise<PlanNode[]> {
  const { rows } = await social.pool.query(`explain (analyze, format json) ${text}`, [...parameters])
  const steps: PlanNode[] = []
  const visit = (node: PlanNode) => {
    steps.push(node)
    node.Plans?.forEach(visit)
  }
  visit(rows[0]['QUERY PLAN'][0].Plan)
  return steps
}

const caller = uuid('b', 7)
const first = { page: 0, limit: 10 }
const ids = (kind: string, count: number) => Array.from({ length: count }, (_, n) => uuid(kind, n * 11))

describe('with a large database', () => {
  // How many rows a step may have read at most: a page's, and what one person hid or administers.
  const queries: [string, () => CompiledQuery, number][] = [
    [
      "the first page of the largest group's feed",
      () => feedQuery({ userId: caller, groupId: uuid('a', 0), skipped: 0, limit: 10 }).compile(db),
      500,
    ],
    [
      "the first page of a small group's feed",
      () => feedQuery({ userId: caller, groupId: uuid('a', 17), skipped: 0, limit: 10 }).compile(db),
      500,
    ],
    [
      'what the caller did to a page',
      () =>
        flagsQuery(
          caller,
          ids('c', 10).map((id) => ({ id, targetId: id })),
        ).compile(db),
      500,
    ],
    ['a profile', () => profileQuery(db, uuid('b', 3), 'all', first).compile(), 500],
    ["a profile's posts", () => profileQuery(db, uuid('b', 3), 'created', first).compile(), 500],
    ["a profile's reposts", () => profileQuery(db, uuid('b', 7), 'reposted', first).compile(), 500],
    ['who reposted the most reposted', () => repostersQuery(db, uuid('c', 7), 4).compile(), 500],
    ['comments of the most commented', () => commentsQuery(uuid('c', 0), first).compile(db), 500],
    ['replies, from the start', () => repliesQuery(db, uuid('d', 0), undefined, 11).compile(), 500],
    [
      'replies, at a cursor',
      () => repliesQuery(db, uuid('d', 0), { createdAt: new Date(), id: uuid('d', 5) }, 11).compile(),
      500,
    ],
    ['which comments the caller likes', () => likedQuery(db, caller, ids('d', 10)).compile(), 500],
    ['who likes the most liked', () => postLikesQuery(db, uuid('c', 0), first).compile(), 500],
    ['who likes a comment', () => commentLikesQuery(db, uuid('d', 3), first).compile(), 500],
    ...(['reposts', 'posts', 'deleted'] as const).map((which): [string, () => CompiledQuery, number] => [
      `what an erased person wrote: ${which}`,
      () => writtenPostsQuery(db, which, uuid('b', 7), 500).compile(),
      500,
    ]),
    ...(['live', 'deleted'] as const).map((which): [string, () => CompiledQuery, number] => [
      `what an erased person commented: ${which}`,
      () => writtenCommentsQuery(db, which, uuid('b', 7), 500).compile(),
      500,
    ]),
    ...(['post', 'comment'] as const).map((table): [string, () => CompiledQuery, number] => [
      `where a ${table} mentions an erased person`,
      () => mentioningQuery(db, table, uuid('b', 6), 500).compile(),
      500,
    ]),
    ['what waits for an admin', () => toApproveQuery(uuid('b', 0), first).compile(db), 1000],
  ]
  it.each(queries)('%s: no sequential scan, and few rows', async (_, query, mostRows) => {
    const steps = await planOf(query())
    const scanned = steps.filter((step) => step['Node Type'] === 'Seq Scan').map((step) => step['Relation Name'])
    expect(scanned.filter((table) => !SMALL_TABLES.includes(table ?? ''))).toEqual([])
    const reads = steps.filter((step) => step['Node Type'].endsWith('Scan'))
    for (const step of reads) {
      const rows = step['Actual Rows'] + (step['Rows Removed by Filter'] ?? 0)
      expect(rows * step['Actual Loops']).toBeLessThanOrEqual(mostRows)
    }
  })
})
