import type { Caller } from '@platform/http/assertion.ts'
import { DomainError } from '@platform/http/errors.ts'
import { type RawBuilder, sql } from 'kysely'
import type { Db, Tx } from '../db/schema.ts'
import type { Deps } from '../deps.ts'
import { type MomentViewRow, markJoin, momentColumns, toMoments } from '../moments/moment-view.ts'
import { isKnownTimeZone, wallClockAt } from '../time/wall-clock.ts'
import { type Filter, filterConditions, filterValues } from './filter.ts'
import { atPlace, ownViews } from './page-query.ts'
import type { MemoriesOfYear } from './shapes.ts'

/** How many moments of a year are shown. */
const MOST_OF_A_YEAR = 10
const UNFILTERED: Filter = { expired: false }

/** One memory, with the local year that it is of. */
type MemoryRow = MomentViewRow & { year: number }

/**
 * Returns the caller's moments of the same local date in earlier years, newest year first.
 *
 * 29 February shows only what was captured on a 29 February. In a common year 28 February shows those, too, so that they
 * come up every year.
 *
 * @param date `YYYY-MM-DD`; absent: today in the time zone of the caller's newest moment
 * @throws DomainError `validation`
 */
export async function listMemories(
  { db, clock, addresses }: Pick<Deps, 'db' | 'clock' | 'addresses'>,
  caller: Pick<Caller, 'userId'>,
  date?: string,
): Promise<MemoriesOfYear[]> {
  const now = clock()
  const day = date === undefined ? await findToday(db, caller.userId, now) : readDate(date)
  const { rows } = await memoriesQuery(caller.userId, day, now).execute(db)
  const years = [...Map.groupBy(rows, ({ year }) => year)]
  return Promise.all(
    years.map(async ([year, moments]) => ({ year, moments: await toMoments(moments, { addresses, now }) })),
  )
}

function readDate(text: string): Temporal.PlainDate {
  try {
    const date = Temporal.PlainDate.from(text)
    if (date.year >= 1) return date
  } catch (cause) {
    throw new DomainError('validation', 'query.date must be a date, such as 2026-01-31', { cause })
  }
  throw new DomainError('validation', 'query.date must be in year 1 or later')
}

async function findToday(db: Db | Tx, userId: string, now: Date): Promise<Temporal.PlainDate> {
  const values = filterValues(UNFILTERED, { userId, now })
  const { rows } = await sql<{ time_zone: string }>`
    with view as materialized (${ownViews(UNFILTERED, values)})
    select time_zone from view cross join lateral (
      select captured_at, time_zone from moment where ${atPlace(UNFILTERED)} and moment.deleted_at is null
      order by captured_at desc, id desc limit 1
    ) as moment
    order by captured_at desc limit 1`.execute(db)
  const timeZone = rows[0]?.time_zone ?? ''
  return Temporal.PlainDate.from(wallClockAt(now, isKnownTimeZone(timeZone) ? timeZone : 'UTC').localDate)
}

/**
 * Each year is one look into the index by instant, a day wider on both sides: no local date is further from the same date
 * in UTC. `candidate` is those years of which the caller has moments, and perhaps one more on either side.
 */
function memoriesQuery(userId: string, day: Temporal.PlainDate, now: Date): RawBuilder<MemoryRow> {
  const values = filterValues(UNFILTERED, { userId, now })
  const isLastOfFebruary = day.month === 2 && day.day === 28 && !day.inLeapYear
  const live = sql`${atPlace(UNFILTERED)} and moment.deleted_at is null`
  const last = isLastOfFebruary ? sql`make_date(year, 3, 1)` : sql`first_day + 1`
  const end = (order: 'asc' | 'desc') => sql`
    select extract(year from local_at)::integer from moment where ${live}
    order by captured_at ${sql.raw(order)}, id ${sql.raw(order)} limit 1`
  return sql<MemoryRow>`
    with view as materialized (${ownViews(UNFILTERED, values)}),
    span as materialized (
      select min(oldest) - 1 as oldest, max(newest) + 1 as newest
      from (select (${end('asc')}) as oldest, (${end('desc')}) as newest from view) as ends
    ),
    candidate as (
      select year, first_day, ${last} as end_day
      from span cross join generate_series(greatest(oldest, 1), least(newest, ${day.year - 1}::integer)) as year
      cross join lateral (select make_date(year, ${day.month}::integer, 1) + ${day.day - 1}::integer as first_day) as of_year
      where extract(month from first_day) = ${day.month}::integer
    )
    select candidate.year, ${momentColumns}
    from candidate cross join lateral (
      select moment.id from view cross join lateral (
        select id, captured_at from moment
        where ${live} and ${filterConditions(UNFILTERED, values)}
          and captured_at >= (first_day - 1)::timestamp at time zone 'UTC'
          and captured_at < (end_day + 1)::timestamp at time zone 'UTC'
          and local_at >= first_day and local_at < end_day
        order by captured_at desc, id desc limit ${MOST_OF_A_YEAR}::integer
      ) as moment
      order by captured_at desc, id desc limit ${MOST_OF_A_YEAR}::integer
    ) as chosen
    join moment using (id) ${markJoin(userId)}
    order by candidate.year desc, moment.captured_at desc, moment.id desc`
}
