import type { Parts } from '@platform/db/prepared.ts'
import { DomainError } from '@platform/http/errors.ts'
import { OneOf, Uuid } from '@platform/http/schemas.ts'
import { type RawBuilder, type SqlBool, sql } from 'kysely'
import { type Static, Type } from 'typebox'
import { type InstantInterval, parseInstantInterval } from '../time/instant-interval.ts'
import { type LocalTimeRange, parseLocalTimeRange } from '../time/local-time-range.ts'

/** The filter in a query: spread it into a route's `query`. All keys combine with AND. */
export const FilterQuery = {
  'filter[localTime]': Type.Optional(
    Type.String({
      maxLength: 100,
      description:
        'Wall clock at capture, `HH:MM:SS-HH:MM:SS`, half-open. The end may be `24:00:00`; a start after the end crosses midnight.',
    }),
  ),
  'filter[robotUUID]': Type.Optional({
    ...Uuid,
    description: 'One robot: 404 when unknown, 403 without a right on it.',
  }),
  'filter[type]': Type.Optional(Type.String({ minLength: 1, maxLength: 200, description: 'Exactly this type.' })),
  'filter[capturedAt]': Type.Optional(
    Type.String({
      maxLength: 200,
      description: 'ISO interval `A/B` of instants, half-open; either side may be `..`.',
    }),
  ),
  'filter[feedback]': Type.Optional({ ...OneOf(['1', '0', '-1']), description: "The caller's own; 0: none." }),
  'filter[seen]': Type.Optional(Type.Boolean({ description: 'Whether the caller has seen it.' })),
  'filter[pinned]': Type.Optional(Type.Boolean()),
  'filter[expired]': Type.Optional(
    Type.Boolean({ default: false, description: '`true`: expired moments only; else those that have not expired.' }),
  ),
}
const FilterQueryObject = Type.Object(FilterQuery)
export type FilterQuery = Static<typeof FilterQueryObject>

/** The conditions on a list of moments. An absent field does not restrict. */
export interface Filter {
  /** Never the whole day. */
  localTime?: LocalTimeRange
  /** Lower case. Rights on it are checked by the list. */
  robotId?: string
  type?: string
  capturedAt?: InstantInterval
  feedback?: number
  seen?: boolean
  pinned?: boolean
  /** True: expired moments only; false: only those that have not expired. */
  expired: boolean
}

const HOURS_OF_A_DAY = 24
const FILTER_NAME = /^filter(?:\[|$)/

/**
 * Reads a checked query. It may hold other parameters, which are ignored.
 *
 * @throws DomainError `validation` for a filter with an unknown key, and for a value that is no time range or interval
 */
export function readFilter(query: FilterQuery): Filter {
  for (const name of Object.keys(query)) {
    const isUnknown = FILTER_NAME.test(name) && !Object.hasOwn(FilterQuery, name)
    if (isUnknown) throw new DomainError('validation', 'The field name does not exist')
  }
  const { 'filter[localTime]': localTime, 'filter[capturedAt]': capturedAt, 'filter[feedback]': feedback } = query
  const range = localTime === undefined ? undefined : parseLocalTimeRange(localTime)
  return {
    localTime: range && isWholeDay(range) ? undefined : range,
    robotId: query['filter[robotUUID]']?.toLowerCase(),
    type: query['filter[type]'],
    capturedAt: capturedAt === undefined ? undefined : parseInstantInterval(capturedAt),
    feedback: feedback === undefined ? undefined : Number(feedback),
    seen: query['filter[seen]'],
    pinned: query['filter[pinned]'],
    expired: query['filter[expired]'] ?? false,
  }
}

function isWholeDay({ segments, hours }: LocalTimeRange): boolean {
  const seconds = segments.reduce((sum, { startSecond, endSecond }) => sum + endSecond - startSecond, 0)
  return hours.length === HOURS_OF_A_DAY && seconds === HOURS_OF_A_DAY * 3_600
}

/** The values that a filter's conditions take, whichever of them it has. */
export interface FilterValues {
  /** The user whose marks count. */
  userId: string
  /** Decides which moments have expired. */
  now: Date
  robotId: string | null
  type: string | null
  from: Date | null
  until: Date | null
  feedback: number | null
  /** Local hours that the range touches. */
  hours: number[]
  /** Two segments of the day, as `HH:MM:SS`; an empty one has equal ends. */
  start: string
  end: string
  secondStart: string
  secondEnd: string
}

/** Returns the values of a filter for `filterConditions`. */
export function filterValues(filter: Filter, { userId, now }: { userId: string; now: Date }): FilterValues {
  const [first, second] = filter.localTime?.segments ?? []
  return {
    userId,
    now,
    robotId: filter.robotId ?? null,
    type: filter.type ?? null,
    from: filter.capturedAt?.from ?? null,
    until: filter.capturedAt?.until ?? null,
    feedback: filter.feedback ?? null,
    hours: [...(filter.localTime?.hours ?? [])],
    start: toTime(first?.startSecond),
    end: toTime(first?.endSecond),
    secondStart: toTime(second?.startSecond),
    secondEnd: toTime(second?.endSecond),
  }
}

function toTime(second = 0): string {
  const parts = [Math.floor(second / 3_600), Math.floor(second / 60) % 60, second % 60]
  return parts.map((part) => String(part).padStart(2, '0')).join(':')
}

/**
 * Returns the condition of a filter on the table `moment`. It covers expiry, and neither deletes nor rights.
 *
 * @param filter says which conditions there are; their values come from `parts`, so that a statement can be prepared
 */
export function filterConditions(filter: Filter, parts: Parts<FilterValues>): RawBuilder<SqlBool> {
  const { userId, now } = parts
  const conditions = [
    filter.expired ? sql<SqlBool>`not ${isUnexpired(now)}` : isUnexpired(now),
    filter.robotId !== undefined && sql<SqlBool>`moment.robot_id = ${parts.robotId}::uuid`,
    filter.type !== undefined && sql<SqlBool>`moment.type = ${parts.type}`,
    filter.capturedAt?.from && sql<SqlBool>`moment.captured_at >= ${parts.from}::timestamptz`,
    filter.capturedAt?.until && sql<SqlBool>`moment.captured_at < ${parts.until}::timestamptz`,
    filter.pinned !== undefined && (filter.pinned ? sql<SqlBool>`moment.pinned` : sql<SqlBool>`not moment.pinned`),
    filter.seen !== undefined && hasMark(userId, sql`seen_at is not null`, filter.seen),
    filter.feedback !== undefined &&
      (filter.feedback === 0
        ? hasMark(userId, sql`feedback <> 0`, false)
        : hasMark(userId, sql`feedback = ${parts.feedback}::smallint`, true)),
    filter.localTime &&
      sql<SqlBool>`moment.local_hour = any(${parts.hours}::smallint[]) and (
        moment.local_at::time >= ${parts.start}::time and moment.local_at::time < ${parts.end}::time
        or moment.local_at::time >= ${parts.secondStart}::time and moment.local_at::time < ${parts.secondEnd}::time)`,
  ]
  return sql.join(
    conditions.filter((condition) => condition !== undefined && condition !== false),
    sql` and `,
  )
}

const isUnexpired = (now: Parts<FilterValues>['now']): RawBuilder<SqlBool> =>
  sql`(moment.pinned or moment.expires_at is null or moment.expires_at > ${now}::timestamptz)`

function hasMark(
  userId: Parts<FilterValues>['userId'],
  condition: RawBuilder<unknown>,
  isWanted: boolean,
): RawBuilder<SqlBool> {
  return sql`${isWanted ? sql`` : sql`not `}exists (
    select from mark where mark.user_id = ${userId}::uuid and mark.moment_id = moment.id and mark.${condition})`
}

/** Returns the condition of a filter on the table `moment`, with its values. See `filterConditions`. */
export function filterSql(filter: Filter, who: { userId: string; now: Date }): RawBuilder<SqlBool> {
  return filterConditions(filter, filterValues(filter, who))
}
