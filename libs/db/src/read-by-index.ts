import { sql, type Transaction } from 'kysely'

/**
 * For transactions that take a batch of many alike rows, until they end. Where much of a table is wanted, and only the
 * first few hundred of it, PostgreSQL would rather read the table from its beginning; but that is where the batches
 * before took theirs, so that each would read past more of what is gone.
 */
export async function readByIndex<T>(trx: Transaction<T>): Promise<void> {
  await sql`set local enable_seqscan = off`.execute(trx)
}
