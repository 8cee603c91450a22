import { momentPurged } from '@platform/contracts/moments.ts'
import { publishAll } from '@platform/events/outbox.ts'
import { createLogger } from '@platform/log/logger.ts'
import { BackgroundWork } from '@platform/service/background-work.ts'
import { sql } from 'kysely'
import type { Db, MomentRow } from '../../src/db/schema.ts'
import { SOURCE } from '../../src/moments/publish-moment.ts'

/**
 * Purges a few moments that were handed to the purge, as its worker does, but without a store of files.
 *
 * @returns false when there was nothing to purge
 */
export async function purgeOnce(db: Db): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    const { rows } = await sql<MomentRow>`
      update moment set
        title = null, purged_at = now(), version = version + 1, last_change = 'purged', changed_xid = pg_current_xact_id()
      where id in (
        select id from moment where purge_started_at is not null and purged_at is null limit 50 for update skip locked)
      returning *`.execute(trx)
    if (rows.length === 0) return false
    const media = await trx
      .deleteFrom('media')
      .where(
        'moment_id',
        'in',
        rows.map(({ id }) => id),
      )
      .returning(['id', 'moment_id'])
      .execute()
    const at = new Date()
    const events = rows.map(({ id, robot_id, source_id, version }) => ({
      type: momentPurged,
      source: SOURCE,
      subject: id,
      entityVersion: version,
      data: {
        uuid: id,
        robotUUID: robot_id,
        sourceId: source_id,
        media: media.filter(({ moment_id }) => moment_id === id).map((file) => ({ uuid: file.id })),
        purgedAt: at.toISOString(),
      },
    }))
    await publishAll(trx, events, { at })
    return true
  })
}

/** Purges in the background for as long as the work goes on. */
export async function whilePurging<T>(db: Db, work: () => Promise<T>): Promise<T> {
  const log = createLogger({ service: 'test', level: 'silent', format: 'pretty' })
  const purging = new BackgroundWork({ name: 'purge', log, work: () => purgeOnce(db), pollMs: 50 })
  try {
    return await work()
  } finally {
    await purging.stop()
  }
}
