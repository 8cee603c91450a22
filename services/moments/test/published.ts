import type { CloudEvent } from '@platform/events/cloud-event.ts'
import type { TestDatabase } from '@platform/testing/database.ts'
import { onServer } from '@platform/testing/server.ts'

/** Returns the events of a key on the embedded log, those that are still in the outbox among them. */
export async function publishedUnder<D>(
  database: Pick<TestDatabase, 'adminUrl'>,
  key: string,
): Promise<CloudEvent<D>[]> {
  const rows = await onServer(database.adminUrl, async (client) => {
    const { rows } = await client.query<{ value: string }>(
      `select value from (
         select value, topic, 0 as later, "offset" as position from event_log.record where key = $1
         union all select event, topic, 1, id from moments.outbox where key = $1
       ) as told order by topic, later, position`,
      [key],
    )
    return rows
  })
  return rows.map(({ value }) => JSON.parse(value))
}
