import type { Logger } from '@platform/log/logger.ts'
import { BackgroundWork } from '@platform/service/background-work.ts'
import { type Selectable, sql } from 'kysely'
import type { Db, RobotTable, Tx } from '../db/schema.ts'
import { moveToTrash } from './delete-moments.ts'

const BATCH_SIZE = 100
const EVERY_MS = 60_000

/** Parts that retention needs. */
interface RetentionDeps {
  db: Db
  clock: () => Date
  log: Logger
  /** Called after a commit that published something. */
  onPublished: () => void
}

/** Moves moments that their robots no longer keep to the trash, every minute, a robot's batch at a time. */
export function startRetention({ db, clock, log, onPublished }: RetentionDeps): BackgroundWork {
  let after: string | undefined
  return new BackgroundWork({
    name: 'retention',
    log,
    pollMs: EVERY_MS,
    work: async () => {
      const robot = await nextRobot(db, after)
      if (!robot) {
        after = undefined
        return false
      }
      const moved = await retainBatch(db, robot, clock())
      if (moved > 0) onPublished()
      else after = robot.id
      return true
    },
  })
}

type Limits = Pick<Selectable<RobotTable>, 'id' | 'retention_days' | 'max_moments'>

async function nextRobot(db: Db, after?: string): Promise<Limits | undefined> {
  const query = db
    .selectFrom('robot')
    .select(['id', 'retention_days', 'max_moments'])
    .where((eb) => eb.or([eb('retention_days', 'is not', null), eb('max_moments', 'is not', null)]))
    .orderBy('id')
    .limit(1)
  return (after === undefined ? query : query.where('id', '>', after)).executeTakeFirst()
}

/**
 * Moves a batch of one robot's moments to the trash: those that are older than its `retention_days`, and those beyond its
 * newest `max_moments`. Pinned moments are kept and not counted; so are restored ones, which would go at once.
 *
 * @returns how many it moved
 */
export async function retainBatch(db: Db, robot: Limits, at: Date): Promise<number> {
  return db.transaction().execute(async (trx) => {
    const ids = [...new Set([...(await lockOld(trx, robot, at)), ...(await lockBeyond(trx, robot))])]
    if (ids.length > 0) await moveToTrash(trx, ids, null, { at })
    return ids.length
  })
}

/** The partial index of retention has these moments and no others. */
const kept = sql`deleted_at is null and not pinned and cardinality(transitions) = 1`

async function lockOld(trx: Tx, { id, retention_days }: Limits, at: Date): Promise<string[]> {
  if (retention_days === null) return []
  return lockKept(
    trx,
    sql`
    select id from moment
    where robot_id = ${id} and ${kept} and captured_at < ${at}::timestamptz - ${retention_days} * interval '1 day'
    order by captured_at, id limit ${BATCH_SIZE}`,
  )
}

async function lockBeyond(trx: Tx, { id, max_moments }: Limits): Promise<string[]> {
  if (max_moments === null) return []
  return lockKept(
    trx,
    sql`
    select id from moment
    where robot_id = ${id} and ${kept}
    order by captured_at desc, id desc offset ${max_moments} limit ${BATCH_SIZE}`,
  )
}

/** Locks in order of ids. A moment that was pinned or deleted while this waited is left out. */
async function lockKept(trx: Tx, found: ReturnType<typeof sql>): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    with found as materialized (${found})
    select moment.id from moment join found on found.id = moment.id
    where ${kept}
    order by moment.id
    for no key update of moment`.execute(trx)
  return rows.map(({ id }) => id)
}
