import { sql } from 'kysely'
import type { Db, Tx } from '../src/db/schema.ts'

// The writes of commands and workers about a moment's state, without their checks and events.

const CHANGED = sql`version = version + 1, changed_xid = pg_current_xact_id(), updated_at = now()`

/** Moves moments to the trash. */
export async function deleteMoments(db: Db | Tx, ids: string[]): Promise<void> {
  await sql`
    update moment set deleted_at = now(), transitions = transitions || pg_current_xact_id(), last_change = 'deleted', ${CHANGED}
    where id = any(${ids}::uuid[]) and deleted_at is null`.execute(db)
}

/** Brings moments back from the trash. */
export async function restoreMoments(db: Db | Tx, ids: string[]): Promise<void> {
  await sql`
    update moment set deleted_at = null, transitions = transitions || pg_current_xact_id(), last_change = 'restored', ${CHANGED}
    where id = any(${ids}::uuid[]) and deleted_at is not null and purged_at is null`.execute(db)
}

/** Purges moments of the trash: their content goes, and a tombstone stays. */
export async function purgeMoments(db: Db | Tx, ids: string[]): Promise<void> {
  await sql`delete from media where moment_id in (
    select id from moment where id = any(${ids}::uuid[]) and deleted_at is not null)`.execute(db)
  await sql`
    update moment set purged_at = now(), title = null, features = null, last_change = 'purged', ${CHANGED}
    where id = any(${ids}::uuid[]) and deleted_at is not null and purged_at is null`.execute(db)
}

export async function pinMoments(db: Db | Tx, ids: string[], isPinned = true): Promise<void> {
  await sql`
    update moment set pinned = ${isPinned}, last_change = 'changed', ${CHANGED}
    where id = any(${ids}::uuid[])`.execute(db)
}

/** Sets one user's marks. */
export async function markMoments(
  db: Db | Tx,
  userId: string,
  ids: string[],
  { feedback = 0, isSeen = false }: { feedback?: number; isSeen?: boolean },
): Promise<void> {
  await sql`
    insert into mark (user_id, moment_id, feedback, seen_at, updated_at)
    select ${userId}::uuid, id, ${feedback}::smallint, case when ${isSeen}::boolean then now() end, now()
    from unnest(${ids}::uuid[]) as id
    on conflict (user_id, moment_id) do update
    set feedback = excluded.feedback, seen_at = excluded.seen_at, updated_at = now(), changed_xid = pg_current_xact_id()`.execute(
    db,
  )
}

/** Grants or revokes a right, as a new change of it. */
export async function setAccess(
  db: Db | Tx,
  { robotId, userId }: { robotId: string; userId: string },
  right: 'viewer' | 'owner' | null,
  visibleFrom: Date | null = null,
): Promise<void> {
  await sql`
    insert into access (robot_id, user_id, "right", visible_from, granted_at, revoked_at)
    values (${robotId}::uuid, ${userId}::uuid, ${right ?? 'viewer'}, ${visibleFrom}::timestamptz, now(),
      case when ${right}::text is null then now() end)
    on conflict (robot_id, user_id) do update
    set "right" = excluded."right", visible_from = excluded.visible_from, revoked_at = excluded.revoked_at,
      changed_xid = pg_current_xact_id()`.execute(db)
}
