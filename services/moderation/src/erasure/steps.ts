import { NOBODY } from '@platform/contracts/erasure.ts'
import { type Batch, purgeKeptAnswers, type Step } from '@platform/erasure/erase.ts'
import { sql } from 'kysely'
import type { ModerationTables, Tx } from '../db/schema.ts'

/**
 * What the service knows of a person. The trail and the reports stay, for what happened to content is not theirs alone,
 * but without them. The content itself follows its owners' events (see `forgetSubject`).
 */
export const ERASURE_STEPS: Step<ModerationTables>[] = [
  eraseReporter,
  eraseFromTrail('actor_id'),
  eraseFromTrail('caller_id'),
  eraseFromTrail('subject_id'),
  purgeKeptAnswers(),
]

/** Each report gets an id of its own that nobody has: different reporters stay different, and are counted as such. */
async function eraseReporter(trx: Tx, { userId, limit }: Batch): Promise<number> {
  const erased = await sql`
    update report set reporter_id = gen_random_uuid(), comment = null
    where id = any(array(select id from report where reporter_id = ${userId} limit ${limit}))`.execute(trx)
  return Number(erased.numAffectedRows ?? 0)
}

function eraseFromTrail(column: 'actor_id' | 'caller_id' | 'subject_id'): Step<ModerationTables> {
  return async (trx, { userId, limit }) => {
    const erased = await sql`
      update transition set ${sql.ref(column)} = ${NOBODY}
      where id = any(array(select id from transition where ${sql.ref(column)} = ${userId} limit ${limit}))`.execute(trx)
    return Number(erased.numAffectedRows ?? 0)
  }
}

/**
 * Content has changed hands, or is nobody's now: that happens only when whoever had it was erased. Transitions that were
 * recorded between this service's part of the erasure and the owner's lose them here.
 */
export async function forgetSubject(
  trx: Tx,
  item: { entity_type: string; entity_id: string },
  subjectId: string,
): Promise<void> {
  await sql`
    update transition set
      subject_id = case subject_id when ${subjectId} then ${NOBODY} else subject_id end,
      actor_id = case actor_id when ${subjectId} then ${NOBODY} else actor_id end,
      caller_id = case caller_id when ${subjectId} then ${NOBODY} else caller_id end
    where entity_type = ${item.entity_type} and entity_id = ${item.entity_id}
      and ${subjectId} in (subject_id, actor_id, caller_id)`.execute(trx)
}
