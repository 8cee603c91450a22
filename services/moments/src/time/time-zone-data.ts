import { isKnownTimeZone, wallClockAt } from './wall-clock.ts'

/** Runs one SQL statement and returns its rows. */
export type SqlQuery = (text: string, values: unknown[]) => Promise<{ rows: Record<string, unknown>[] }>

/** An instant at which PostgreSQL and Node read the clock of a zone differently. */
export interface TimeZoneDifference {
  timeZone: string
  instant: Date
  /** Local timestamps, as `YYYY-MM-DD HH:MM:SS`. */
  postgres: string
  node: string
}

/** The outcome of `compareTimeZoneData`. */
export interface TimeZoneComparison {
  /** Zones that both sides know: compared. */
  timeZones: string[]
  /**
   * The compared names (such as `CET`) that `at time zone` reads as an abbreviation with a fixed offset, and so without
   * clock changes. Newer data does not help, so the differences leave these zones out.
   */
  misreadAsAbbreviations: string[]
  /** Zones that only one side knows: not compared. */
  onlyInPostgres: string[]
  onlyInNode: string[]
  /** Readings that were compared, of all zones together. */
  readings: number
  differences: TimeZoneDifference[]
}

const WEEK_MS = 7 * 86_400_000

const DIFFERING = `
  select extract(epoch from instant)::float8 * 1000 as epoch_ms,
    to_char(instant at time zone $1, 'YYYY-MM-DD HH24:MI:SS') as postgres,
    to_char(local, 'YYYY-MM-DD HH24:MI:SS') as node
  from unnest($2::timestamptz[], $3::timestamp[]) as reading(instant, local)
  where instant at time zone $1 <> local
  order by instant`

/**
 * Compares the time-zone data of PostgreSQL and Node: the local timestamps of `wallClockAt` with those of `at time zone`,
 * for each zone that both know. They are updated apart, so they may differ on rules that a country has just changed.
 *
 * Readings are compared at the last second before and the first second after each of Node's clock changes, and once a
 * week. A clock change that only PostgreSQL knows is therefore found when it lasts a week.
 *
 * @param query runs on any connection: the session's time zone and date style have no effect
 * @param period half-open, in years 1 to 9999
 */
export async function compareTimeZoneData(
  query: SqlQuery,
  period: { from: Date; until: Date },
): Promise<TimeZoneComparison> {
  const { rows } = await query('select name from pg_timezone_names order by name', [])
  const names = rows.map((row) => String(row.name))
  const inPostgres = new Set(names)
  const abbreviations = new Set(
    (await query('select abbrev from pg_timezone_abbrevs', [])).rows.map(({ abbrev }) => abbrev),
  )
  const comparison: TimeZoneComparison = {
    timeZones: names.filter(isKnownTimeZone),
    misreadAsAbbreviations: [],
    onlyInPostgres: names.filter((name) => !isKnownTimeZone(name)),
    onlyInNode: Intl.supportedValuesOf('timeZone').filter((name) => !inPostgres.has(name)),
    readings: 0,
    differences: [],
  }
  for (const timeZone of comparison.timeZones) {
    const instants = instantsToCompare(timeZone, period)
    comparison.readings += instants.length
    const differences = await findDifferences(query, timeZone, instants)
    if (differences.length > 0 && abbreviations.has(timeZone.toUpperCase()))
      comparison.misreadAsAbbreviations.push(timeZone)
    else comparison.differences.push(...differences)
  }
  return comparison
}

async function findDifferences(query: SqlQuery, timeZone: string, instants: Date[]): Promise<TimeZoneDifference[]> {
  const { rows } = await query(DIFFERING, [
    timeZone,
    instants.map((instant) => instant.toISOString()),
    instants.map((instant) => wallClockAt(instant, timeZone).localAt),
  ])
  return rows.map((row) => ({
    timeZone,
    instant: new Date(Number(row.epoch_ms)),
    postgres: String(row.postgres),
    node: String(row.node),
  }))
}

function instantsToCompare(timeZone: string, { from, until }: { from: Date; until: Date }): Date[] {
  const instants: Date[] = []
  for (let at = from.getTime(); at < until.getTime(); at += WEEK_MS) instants.push(new Date(at))
  for (const changeAt of clockChanges(timeZone, from, until))
    instants.push(new Date(changeAt - 1_000), new Date(changeAt))
  return instants
}

function* clockChanges(timeZone: string, from: Date, until: Date): Generator<number> {
  let change = Temporal.Instant.fromEpochMilliseconds(from.getTime())
    .toZonedDateTimeISO(timeZone)
    .getTimeZoneTransition('next')
  while (change && change.epochMilliseconds < until.getTime()) {
    yield change.epochMilliseconds
    change = change.getTimeZoneTransition('next')
  }
}
