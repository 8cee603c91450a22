import { sql } from 'kysely'
import type { Tx } from '../db/schema.ts'

/** A robot that a capture names, with the zone that it has there. */
export interface NamedRobot {
  robotId: string
  /** The zone that the capture names, if it names one. */
  timeZone: string | undefined
  at: Date
}

const DEFAULT_TIME_ZONE = 'UTC'

/**
 * Returns the present zones of robots by id. Creates the robots that are unknown: a robot becomes known by its first
 * capture. Its zone is the one given first.
 */
export async function findOrCreateRobots(trx: Tx, named: readonly NamedRobot[]): Promise<Map<string, string>> {
  const zones = await findZones(trx, [...new Set(named.map(({ robotId }) => robotId))])
  const unknown = new Map<string, NamedRobot>()
  for (const robot of named) {
    if (zones.has(robot.robotId)) continue
    const first = unknown.get(robot.robotId)
    if (!first || first.timeZone === undefined) unknown.set(robot.robotId, robot)
  }
  if (unknown.size === 0) return zones
  // In one order, so that two transactions that create the same robots cannot deadlock.
  const created = [...unknown.values()].sort((a, b) => (a.robotId < b.robotId ? -1 : 1))
  await trx
    .insertInto('robot')
    .values(
      created.map(({ robotId, timeZone = DEFAULT_TIME_ZONE, at }) => ({
        id: robotId,
        time_zone: timeZone,
        created_at: at,
        updated_at: at,
      })),
    )
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute()
  // Another transaction may have created some of them, with another zone.
  for (const [id, zone] of await findZones(trx, [...unknown.keys()])) zones.set(id, zone)
  return zones
}

async function findZones(trx: Tx, ids: string[]): Promise<Map<string, string>> {
  const rows = await trx
    .selectFrom('robot')
    .select(['id', 'time_zone'])
    .where('id', '=', sql<string>`any (${ids})`)
    .execute()
  return new Map(rows.map(({ id, time_zone }) => [id, time_zone]))
}
