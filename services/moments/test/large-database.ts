import { type Kysely, sql } from 'kysely'
import type { MomentsTables } from '../src/db/schema.ts'

/** How much there is. A user has one to three robots; each robot's first user has marks on its newest moments. */
export interface Sizes {
  robots: number
  momentsOfRobot: number
}

export const MILLION: Sizes = { robots: 200, momentsOfRobot: 5_000 }

const KINDS = { robot: 'a', user: 'b', moment: 'c', media: 'd' } as const
type Kind = keyof typeof KINDS

/** The id of the n-th of a kind. User n has n % 3 + 1 robots, from the n-th on. */
export const nth = (kind: Kind, n: number) =>
  `${KINDS[kind].repeat(8)}-0000-4000-8000-${n.toString(16).padStart(12, '0')}`
const nthOf = (kind: Kind, n: string) =>
  `('${KINDS[kind].repeat(8)}-0000-4000-8000-' || lpad(to_hex((${n})::bigint), 12, '0'))::uuid`

const NOW = `date_trunc('minute', now())`
/** A moment of each robot every 199 minutes: all minutes of the day occur alike. One in fifty is in the trash, one in twenty has expired. */
const capturedAt = (n: string, robots: number) => `${NOW} - (${n} / ${robots}) * interval '199 minutes'`

const rowsOf = ({
  robots,
  momentsOfRobot,
}: Sizes): Record<string, { count: number; columns: string; row: string }> => ({
  robot: {
    count: robots,
    columns: 'id, name, created_at, updated_at',
    row: `${nthOf('robot', 'n')}, 'Robot', now(), now()`,
  },
  access: {
    count: robots * 3,
    columns: 'robot_id, user_id, "right", granted_at, changed_xid',
    row: `${nthOf('robot', `(n / 3 + n % 3) % ${robots}`)}, ${nthOf('user', 'n / 3')}, 'owner', now(),
      (case when n % 3 <= n / 3 % 3 then '5' else '6' end)::xid8`,
  },
  moment: {
    count: robots * momentsOfRobot,
    columns: `id, robot_id, source_id, type, captured_at, time_zone, local_at, expires_at, transitions, deleted_at,
      last_change, changed_xid, created_at, updated_at`,
    row: `${nthOf('moment', 'n')}, ${nthOf('robot', `n % ${robots}`)}, 'source ' || n,
      case when n % 3 = 0 then 'photo' else 'video' end, ${capturedAt('n', robots)}, 'UTC',
      (${capturedAt('n', robots)}) at time zone 'UTC',
      case when n / ${robots} % 10 = 7 then ${NOW} + (case when n / ${robots} % 20 = 7 then 1 else -1 end) * interval '1 day' end,
      case when n / ${robots} % 50 = 9 then '{3,4}'::xid8[] else '{3}'::xid8[] end,
      case when n / ${robots} % 50 = 9 then now() end, case when n / ${robots} % 50 = 9 then 'deleted' else 'created' end,
      (3 + n / ${robots} % 500)::text::xid8, now(), now()`,
  },
  media: {
    count: robots * momentsOfRobot,
    columns: 'id, moment_id, position, kind, content_type, bytes, uri',
    row: `${nthOf('media', 'n')}, ${nthOf('moment', 'n')}, 0, 'image', 'image/jpeg', 1000, 'https://robots.example/' || n`,
  },
  mark: {
    count: (robots * momentsOfRobot) / 4,
    columns: 'user_id, moment_id, feedback, seen_at, updated_at, changed_xid',
    row: `${nthOf('user', `n % ${robots}`)}, ${nthOf('moment', 'n')}, case when n / ${robots} % 8 = 0 then 1 else 0 end,
      now(), now(), (4 + n / ${robots} % 500)::text::xid8`,
  },
})

/** Fills a database with moments: tables first, and then their indexes. The caller has to own the tables. */
export async function fill(db: Kysely<MomentsTables>, sizes: Sizes): Promise<void> {
  const tables = rowsOf(sizes)
  await db.connection().execute(async (session) => {
    const run = (text: string) => sql.raw(text).execute(session)
    const restores = await dropIndexes(session, Object.keys(tables))
    for (const [table, { count, columns, row }] of Object.entries(tables)) {
      await run(`insert into ${table} (${columns}) select ${row} from generate_series(0, ${count - 1}) as n`)
    }
    await run(`delete from access where changed_xid = '6'::xid8`)
    await run(`set maintenance_work_mem = '512MB'`)
    for (const restore of restores) await run(restore)
    for (const table of Object.keys(tables)) await run(`vacuum (analyze) ${table}`)
  })
}

/** Drops the tables' indexes and constraints. Returns the statements that restore them, in their order. */
async function dropIndexes(db: Kysely<MomentsTables>, tables: string[]): Promise<string[]> {
  const { rows } = await sql<{ drop: string; restore: string }>`
    select drop, restore from (
      select case when contype = 'f' then 0 else 1 end as rank,
        format('alter table %s drop constraint %I', conrelid::regclass, conname) as drop,
        format('alter table %s add constraint %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) as restore
      from pg_constraint
      where contype in ('p', 'u', 'c', 'f')
        and (conrelid::regclass::text = any(${tables}) or confrelid <> 0 and confrelid::regclass::text = any(${tables}))
      union all
      select 2, format('drop index %I', indexrelid::regclass), pg_get_indexdef(indexrelid)
      from pg_index
      where indrelid::regclass::text = any(${tables})
        and not exists (select from pg_constraint where conindid = indexrelid)
    ) as dropped
    order by rank`.execute(db)
  for (const { drop } of rows) await sql.raw(drop).execute(db)
  return rows.map(({ restore }) => restore).reverse()
}
