import type { CloudEvent } from '@platform/events/cloud-event.ts'
import { type RawBuilder, sql, type Transaction } from 'kysely'
import { type ErasureTables, tablesOf } from './jobs.ts'

/**
 * Whose request an event tells of: what a handler may write of its `actorid`.
 *
 * An event may come after the service has done its part, however late. Of what the person did until then it names nobody;
 * what they did after that, because they came back, is theirs. The part's last look waits for the transaction at hand,
 * and this waits for that look: either it finds what the handler writes, or the handler learns of it here.
 *
 * Ask before locking what the part's steps lock, too.
 *
 * @returns undefined also for an event without an actor
 */
export async function actorOf<T extends ErasureTables>(
  trx: Transaction<T>,
  { actorid, time }: Pick<CloudEvent, 'actorid' | 'time'>,
): Promise<string | undefined> {
  if (actorid === undefined) return undefined
  await sql`select pg_advisory_xact_lock_shared(${lockOf(actorid)})`.execute(trx)
  // A statement of its own: it sees what was committed while the lock was waited for.
  const erased = await tablesOf(trx)
    .selectFrom('erased_person')
    .select('until')
    .where('person', '=', hashOf(actorid))
    .executeTakeFirst()
  return erased && new Date(time) <= erased.until ? undefined : actorid
}

/** Waits for events that are being handled with the person as their actor, and holds off new ones. */
export async function holdOffActor<T extends ErasureTables>(trx: Transaction<T>, userId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(${lockOf(userId)})`.execute(trx)
}

/** Notes that the person is erased here, with all that they had done until then. */
export async function noteErased<T extends ErasureTables>(
  trx: Transaction<T>,
  userId: string,
  until: Date,
): Promise<void> {
  await tablesOf(trx)
    .insertInto('erased_person')
    .values({ person: hashOf(userId), until })
    .onConflict((oc) => oc.column('person').doUpdateSet({ until: sql`greatest(erased_person.until, excluded.until)` }))
    .execute()
}

/** Whoever knows the id can look it up; nobody can read from it who that was. */
const hashOf = (userId: string): RawBuilder<Buffer> => sql`sha256(convert_to(lower(${userId}), 'UTF8'))`

/** Each service has its own, also where they share a database. */
const lockOf = (userId: string) => sql`hashtextextended(current_schema() || ' erased ' || lower(${userId}), 0)`
