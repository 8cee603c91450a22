import { momentChanged } from '@platform/contracts/moments.ts'
import { sql } from 'kysely'
import type { Db, MomentRow, Tx } from '../db/schema.ts'
import { publishMoments } from '../moments/publish-moment.ts'
import { isKnownTimeZone, wallClockAt } from '../time/wall-clock.ts'
import type { CliCommand } from './command.ts'

/** A moment whose local timestamp is not that of its instant and zone. */
export interface LocalTimeDifference {
  momentUUID: string
  timeZone: string
  capturedAt: string
  localTime: string
  /** Absent when the zone is unknown: then there is nothing to set. */
  recomputed?: string
}

const BATCH = 1_000
const LEAST_ID = '00000000-0000-0000-0000-000000000000'

export const localTimes: CliCommand = {
  usage: `  local-times        recomputes local timestamps from instants and zones, after an update of time-zone data;
                     prints one line of JSON for each that differs
  local-times --fix  and sets them`,
  flags: ['--fix'],
  run: async ({ db, flags, print }) => {
    const isFix = flags.includes('--fix')
    let [found, unfixed] = [0, 0]
    for await (const differences of findLocalTimeDifferences(db)) {
      for (const difference of differences) print(JSON.stringify(difference))
      found += differences.length
      const fixed = isFix ? await fixLocalTimes(db, differences, new Date()) : 0
      unfixed += differences.length - fixed
    }
    console.error(`${found} local timestamps differ; ${found - unfixed} were set.`)
    return unfixed === 0
  },
}

/** Compares the local timestamps of all moments but tombstones, and yields the differences in batches. */
export async function* findLocalTimeDifferences(db: Db): AsyncGenerator<LocalTimeDifference[]> {
  let after = LEAST_ID
  for (;;) {
    const rows = await db
      .selectFrom('moment')
      .select(['id', 'captured_at', 'time_zone', 'local_at'])
      .where('id', '>', after)
      .where('purged_at', 'is', null)
      .orderBy('id')
      .limit(BATCH)
      .execute()
    const differences = rows.map(compare).filter((difference) => difference !== undefined)
    if (differences.length > 0) yield differences
    const last = rows.at(-1)
    if (!last || rows.length < BATCH) return
    after = last.id
  }
}

function compare({
  id,
  captured_at,
  time_zone,
  local_at,
}: Pick<MomentRow, 'id' | 'captured_at' | 'time_zone' | 'local_at'>): LocalTimeDifference | undefined {
  const recomputed = isKnownTimeZone(time_zone)
    ? withMilliseconds(wallClockAt(captured_at, time_zone).localAt)
    : undefined
  const localTime = withMilliseconds(local_at)
  if (localTime === recomputed) return undefined
  return { momentUUID: id, timeZone: time_zone, capturedAt: captured_at.toISOString(), localTime, recomputed }
}

/** `… 12:20:30` and `… 12:20:30.5`, as PostgreSQL writes them, with three digits of the second. */
function withMilliseconds(timestamp: string): string {
  const [seconds = '', fraction = ''] = timestamp.split('.')
  return `${seconds}.${fraction.padEnd(3, '0')}`
}

/**
 * Sets recomputed local timestamps, and publishes the moments that are not in the trash. A moment that was changed since
 * it was compared stays as it is.
 *
 * @returns how many were set
 */
export async function fixLocalTimes(db: Db, differences: LocalTimeDifference[], at: Date): Promise<number> {
  const fixable = differences.filter(({ recomputed }) => recomputed !== undefined)
  if (fixable.length === 0) return 0
  return db.transaction().execute(async (trx) => {
    const rows = await updateLocalTimes(trx, fixable, at)
    await publishMoments(
      trx,
      momentChanged,
      rows.filter(({ deleted_at }) => deleted_at === null),
      { at },
    )
    return rows.length
  })
}

async function updateLocalTimes(trx: Tx, differences: LocalTimeDifference[], at: Date): Promise<MomentRow[]> {
  const { rows } = await sql<MomentRow>`
    update moment
    set local_at = fixed.recomputed, version = version + 1,
      last_change = case when deleted_at is null then 'changed' else last_change end,
      changed_xid = pg_current_xact_id(), updated_at = ${at}
    from unnest(
      ${differences.map(({ momentUUID }) => momentUUID)}::uuid[],
      ${differences.map(({ localTime }) => localTime)}::timestamp[],
      ${differences.map(({ recomputed }) => recomputed)}::timestamp[]
    ) as fixed (id, local_at, recomputed)
    where moment.id = fixed.id and moment.local_at = fixed.local_at and purged_at is null
    returning moment.*`.execute(trx)
  return rows
}
