import { momentActionRecorded } from '@platform/contracts/moments.ts'
import { type Cause, publishAll } from '@platform/events/outbox.ts'
import { sql } from 'kysely'
import { v7 as uuidv7 } from 'uuid'
import type { Action, Tx } from '../db/schema.ts'
import { SOURCE } from '../moments/publish-moment.ts'

/** An action of a user on a moment, which is to be recorded. */
export interface NewAction {
  robotId: string
  momentId: string
  userId: string
  action: Action
}

/**
 * Records actions and publishes them, for each robot in the order given. Each one's time is later than those of all earlier actions of
 * its robot, in the order of the commits, even where the clocks of two processes differ: so readers by time miss none.
 *
 * It locks the robots until the transaction ends, so it comes last in it.
 */
export async function recordActions(trx: Tx, actions: readonly NewAction[], cause: Cause): Promise<void> {
  const byRobot = Map.groupBy(actions, ({ robotId }) => robotId)
  const rows = []
  for (const robotId of [...byRobot.keys()].sort()) {
    const ofRobot = byRobot.get(robotId) ?? []
    const last = await reserveTimes(trx, robotId, ofRobot.length, cause.at)
    for (const [index, { momentId, userId, action }] of ofRobot.entries()) {
      const at = new Date(last.getTime() - (ofRobot.length - 1 - index))
      rows.push({ id: uuidv7(), robot_id: robotId, moment_id: momentId, user_id: userId, action, at })
    }
  }
  if (rows.length === 0) return
  await trx.insertInto('moment_action').values(rows).execute()
  const events = rows.map((row) => ({
    type: momentActionRecorded,
    source: SOURCE,
    subject: row.id,
    key: row.robot_id,
    entityVersion: 1,
    data: {
      uuid: row.id,
      momentUUID: row.moment_id,
      robotUUID: row.robot_id,
      action: row.action,
      at: row.at.toISOString(),
    },
  }))
  await publishAll(trx, events, cause)
}

/** Reserves so many milliseconds for a robot's actions. @returns the last of them */
async function reserveTimes(trx: Tx, robotId: string, count: number, at: Date): Promise<Date> {
  const robot = await trx
    .updateTable('robot')
    .set({
      last_action_at: sql<Date>`
        greatest(${at}::timestamptz, last_action_at + interval '1 ms') + ${count - 1}::integer * interval '1 ms'`,
    })
    .where('id', '=', robotId)
    .returning('last_action_at')
    .executeTakeFirstOrThrow()
  return robot.last_action_at
}
