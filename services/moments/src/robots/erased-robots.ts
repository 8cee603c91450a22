import { sql } from 'kysely'
import type { Db, Tx } from '../db/schema.ts'

/** A person who knows the id can look it up; no one can read it from the hash. */
const hashOf = (id: unknown) => sql`sha256(convert_to(${id}::uuid::text, 'UTF8'))`

/** Remembers robots that an erasure has deleted, by a hash, so that no later capture brings them back without a user. */
export async function rememberErasedRobots(trx: Tx, robotIds: string[], at: Date): Promise<void> {
  await sql`
    insert into erased_robot (robot, erased_at)
    select ${hashOf(sql.ref('id'))}, ${at} from unnest(${robotIds}::uuid[]) as id
    on conflict (robot) do update set erased_at = excluded.erased_at`.execute(trx)
}

/** Returns the robots among these that were erased and were given to no user since. */
export async function findErasedRobots(db: Db | Tx, robotIds: string[]): Promise<Set<string>> {
  const { rows } = await sql<{ id: string }>`
    select id from unnest(${robotIds}::uuid[]) as id
    where exists (select from erased_robot where robot = ${hashOf(sql.ref('id'))})`.execute(db)
  return new Set(rows.map(({ id }) => id))
}

/** Forgets that a robot was erased: it gets a new user. */
export async function forgetErasure(trx: Tx, robotId: string): Promise<void> {
  await sql`delete from erased_robot where robot = ${hashOf(robotId)}`.execute(trx)
}
