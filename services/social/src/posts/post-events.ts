import type { PostState } from '@platform/contracts/social.ts'
import type { EventType } from '@platform/events/event-type.ts'
import { type Cause, publishAll } from '@platform/events/outbox.ts'
import type { PostRow, Tx } from '../db/schema.ts'
import { toPostState } from './post-view.ts'

/** Says where events come from. */
export const SOURCE = '/services/social'

/** Announces posts as they are now; their rows were changed, or inserted, in this transaction. */
export async function publishPosts(trx: Tx, type: EventType<PostState>, rows: PostRow[], cause: Cause): Promise<void> {
  const events = rows.map((row) => ({
    type,
    source: SOURCE,
    subject: row.id,
    entityVersion: row.version,
    data: toPostState(row),
  }))
  await publishAll(trx, events, cause)
}
