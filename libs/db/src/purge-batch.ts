import { type RawBuilder, sql, type Transaction } from 'kysely'

/**
 * Removes at most `limit` rows of a table, those for which `condition` is true.
 *
 * @returns how many it found. That is more than it removed where others have just taken some of them: what counts is
 *   whether there may be more behind
 */
export async function purgeBatch<T>(
  trx: Transaction<T>,
  table: string,
  condition: RawBuilder<unknown>,
  limit: number,
): Promise<number> {
  const { rows } = await sql<{ found: number }>`
    with found as materialized (
      select ctid from ${sql.table(table)} where ${condition} limit ${limit}
    ), purged as (
      delete from ${sql.table(table)} where ctid = any(array(select ctid from found))
    )
    select count(*)::integer as found from found`.execute(trx)
  return rows[0]?.found ?? 0
}
