import type { MomentActionState } from '@platform/contracts/moments.ts'
import { sql } from 'kysely'
import type { Action, Db } from '../db/schema.ts'

/** The place in a robot's actions after which a page begins. */
export interface ActionsPosition {
  since: Date
  /** The moment's id. Where it is absent, actions at exactly `since` are in the page. */
  sinceMomentId?: string
}

const PAGE_SIZE = 100

interface ActionRow {
  id: string
  moment_id: string
  action: Action
  at: Date
}

/**
 * Returns a robot's actions after a position, ascending by time and moment. Actions of one moment at one time are never
 * on different pages, since they have one position: then a page is longer than 100.
 */
export async function listActions(db: Db, robotId: string, position?: ActionsPosition): Promise<MomentActionState[]> {
  const after =
    position === undefined
      ? sql`true`
      : position.sinceMomentId === undefined
        ? sql`at >= ${position.since}`
        : sql`at >= ${position.since} and (at, moment_id) > (${position.since}, ${position.sinceMomentId})`
  const { rows } = await sql<ActionRow>`
    select * from (
      select id, moment_id, action, at from moment_action
      where robot_id = ${robotId} and ${after}
      order by at, moment_id
      fetch first ${sql.lit(PAGE_SIZE)} rows with ties
    ) as page
    order by at, moment_id, id`.execute(db)
  return rows.map(({ id, moment_id, action, at }) => ({
    uuid: id,
    momentUUID: moment_id,
    robotUUID: robotId,
    action,
    at: at.toISOString(),
  }))
}
