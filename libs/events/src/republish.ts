import type { Kysely, Transaction } from 'kysely'
import { publishAll, type TypedEvent } from './outbox.ts'
import type { OutboxTables } from './tables.ts'

/** An entity's present state, and where it stands in the order of the pages. */
export interface SnapshotEntry extends TypedEvent {
  cursor: string
}

/** How the owner of a topic tells the whole of it again, for read models that are built anew. */
export interface Snapshot<T> {
  topic: string
  /**
   * The next entities, at most `limit`, in an order of `cursor` that does not change meanwhile. Their rows have to be
   * locked (`for share` will do): then a change that is under way is either in what is read, or published after it.
   * What is told of an entity under several subjects is an entry each, with one cursor.
   *
   * @param after the last cursor that was read; undefined at the beginning
   */
  page(trx: Transaction<T>, after: string | undefined, limit: number): Promise<SnapshotEntry[]>
}

export interface RepublishOptions {
  at: () => Date
  /** Entities a transaction, default 200. */
  batchSize?: number
  /** Called after each transaction, with the number of states so far. */
  onProgress?: (published: number) => void
}

/**
 * Writes the present state of everything that a snapshot covers to the outbox, in batches, beside the service's other
 * work. Consumers that have a version already ignore it.
 *
 * @returns how many states were published
 */
export async function republish<T extends OutboxTables>(
  db: Kysely<T>,
  snapshot: Snapshot<T>,
  { at, batchSize = 200, onProgress }: RepublishOptions,
): Promise<number> {
  let published = 0
  let after: string | undefined
  for (;;) {
    const entries = await db.transaction().execute(async (trx) => {
      const page = await snapshot.page(trx, after, batchSize)
      const events = page.map(({ cursor: _, ...event }) => ({ ...event, snapshot: true }))
      await publishAll(trx, events, { at: at() })
      return page
    })
    published += entries.length
    onProgress?.(published)
    after = entries.at(-1)?.cursor
    if (entries.length < batchSize) return published
  }
}
