import { type Kysely, sql } from 'kysely'
import type { SocialTables } from '../src/db/schema.ts'

export const POSTS = 1_000_000
const COMMENTS = 300_000
const LIKES = 300_000
const MARKS = 100_000
const PLACES = 100_000
const GROUPS = 1_000
const AUTHORS = 20_000
/** Profile posts that are reposted by many. */
const REPOSTED = 50

/** Kinds of ids. */
export const KINDS = { group: 'a', person: 'b', post: 'c', comment: 'd', like: 'e' } as const
type Kind = keyof typeof KINDS

/** The id of the n-th of a kind. */
export const nth = (kind: Kind, n: number) =>
  `${KINDS[kind].repeat(8)}-0000-4000-8000-${n.toString(16).padStart(12, '0')}`
const nthOf = (kind: Kind, n: string) =>
  `('${KINDS[kind].repeat(8)}-0000-4000-8000-' || lpad(to_hex((${n})::bigint), 12, '0'))::uuid`

const AUTHOR = nthOf('person', `n % ${AUTHORS}`)
// The first post has a tenth of all comments, likes and marks.
const ON_POST = nthOf('post', 'case when n % 10 = 0 then 0 else n end')
const countOnPost = (count: number) =>
  `case when n = 0 then ${count / 10} when n < ${count} and n % 10 > 0 then 1 else 0 end`
const AGO = `now() - n * interval '1 minute'`
const MENTIONS = `case when n % 30 = 0
  then jsonb_build_array(jsonb_build_object('mentionedUserId', ${AUTHOR}, 'mentionText', 'text')) else '[]' end`

/** Skewed, as life is: the first group has a fifth of all posts. No row meets another in a unique index. */
const ROWS: Record<string, { count: number; columns: string; row: string }> = {
  group: {
    count: GROUPS,
    columns: 'id, owner_id, post_rules, group_type, version',
    row: `${nthOf('group', 'n')}, ${nthOf('person', 'n')}, 'AdminApproval', 'Public', 1`,
  },
  participant: {
    count: PLACES,
    columns: 'group_id, user_id, is_admin, is_muted, version',
    row: `${nthOf('group', `n % ${GROUPS}`)}, ${nthOf('person', 'n / 5')}, n % 5 = 1, false, 1`,
  },
  post: {
    count: POSTS,
    columns: `id, author_id, group_id, original_post_id, status, text, mentions, comment_count, like_count, repost_count,
      created_at, updated_at`,
    row: `${nthOf('post', 'n')}, ${AUTHOR},
      case when n % 4 < 3 then ${nthOf('group', `case when n % 5 = 0 then 0 else n % ${GROUPS} end`)} end,
      case when n % 8 = 7 then ${nthOf('post', `3 + 8 * ((n / 8 + n / ${AUTHORS}) % ${REPOSTED})`)} end,
      case when n % 40 = 1 then 'suggested' else 'published' end, 'text', ${MENTIONS},
      ${countOnPost(COMMENTS)}, ${countOnPost(LIKES)},
      case when n % 8 = 3 and n < ${8 * REPOSTED} then ${POSTS / 8 / REPOSTED} else 0 end, ${AGO}, now()`,
  },
  comment: {
    count: COMMENTS,
    columns:
      'id, post_id, author_id, parent_comment_id, text, mentions, like_count, reply_count, created_at, updated_at',
    row: `${nthOf('comment', 'n')}, ${ON_POST}, ${AUTHOR}, case when n % 3 = 0 then ${nthOf('comment', 'n % 100 * 10')} end,
      'text', ${MENTIONS}, case when n < 5000 then ${LIKES / 5_000} else 0 end,
      case when n < 1000 and n % 10 = 0 then ${COMMENTS / 300} else 0 end, ${AGO}, now()`,
  },
  post_like: {
    count: LIKES,
    columns: 'id, post_id, user_id, created_at',
    row: `${nthOf('like', 'n')}, ${ON_POST}, ${nthOf('person', 'n / 3')}, ${AGO}`,
  },
  comment_like: {
    count: LIKES,
    columns: 'id, comment_id, post_id, user_id, created_at',
    row: `${nthOf('like', 'n')}, ${nthOf('comment', 'n % 5000')}, ${ON_POST}, ${nthOf('person', 'n / 3')}, ${AGO}`,
  },
  ...Object.fromEntries(
    ['post_hide', 'post_seen'].map((mark) => [
      mark,
      {
        count: MARKS,
        columns: 'user_id, post_id, created_at',
        row: `${nthOf('person', 'case when n % 10 = 0 then n else n % 10000 end')}, ${ON_POST}, now()`,
      },
    ]),
  ),
}

const COUNTED = [
  `insert into group_total
   select group_id, count(*) filter (where status = 'published'), count(*) filter (where status = 'suggested')
   from post where group_id is not null group by 1`,
  `insert into user_total
   select author_id, count(*) filter (where original_post_id is null), count(original_post_id)
   from post where group_id is null group by 1`,
]

/** Fills a database with a million posts and what hangs on some of them: tables first, and then their indexes. */
export async function fill(db: Kysely<SocialTables>): Promise<void> {
  await db.connection().execute(async (session) => {
    const run = (text: string) => sql.raw(text).execute(session)
    const restores = await takeIndexes(session)
    for (const [table, { count, columns, row }] of Object.entries(ROWS)) {
      await run(`insert into "${table}" (${columns}) select ${row} from generate_series(0, ${count - 1}) as n`)
    }
    for (const count of COUNTED) await run(count)
    await run(`set maintenance_work_mem = '512MB'`)
    for (const restore of restores) await run(restore)
    for (const table of [...Object.keys(ROWS), 'group_total', 'user_total']) await run(`analyze "${table}"`)
  })
}

/** Takes the tables' indexes and constraints away. @returns what brings them back */
async function takeIndexes(db: Kysely<SocialTables>): Promise<string[]> {
  const { rows } = await sql<{ take: string; restore: string }>`
    select format('alter table %s drop constraint %I', conrelid::regclass, conname) as take,
      format('alter table %s add constraint %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) as restore
    from pg_constraint where conrelid::regclass::text = any(${tables()}) and contype in ('p', 'u', 'c')
    union all
    select format('drop index %I', indexrelid::regclass), pg_get_indexdef(indexrelid)
    from pg_index
    where indrelid::regclass::text = any(${tables()})
      and not exists (select from pg_constraint where conindid = indexrelid)`.execute(db)
  for (const { take } of rows) await sql.raw(take).execute(db)
  return rows.map(({ restore }) => restore)
}

const tables = () => sql`${Object.keys(ROWS).map((table) => (table === 'group' ? '"group"' : table))}::text[]`
