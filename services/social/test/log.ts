import type { CloudEvent } from '@platform/events/cloud-event.ts'
import type { TestDatabase } from '@platform/testing/database.ts'
import { onServer } from '@platform/testing/server.ts'

/** Where each partition of the embedded log ends: the next offset, by topic and partition. */
export type LogEnd = ReadonlyMap<string, number>

export async function endOfLog(database: TestDatabase): Promise<LogEnd> {
  const rows = await onServer(database.adminUrl, async (client) => {
    const { rows } = await client.query<{ place: string; next: number }>(
      `select topic || ' ' || partition as place, max("offset")::integer + 1 as next
       from event_log.record group by topic, partition`,
    )
    return rows
  })
  return new Map(rows.map(({ place, next }) => [place, next]))
}

/** Everything in the log from there on, of whatever time it says that it is. */
export async function publishedAfter(end: LogEnd, database: TestDatabase): Promise<CloudEvent[]> {
  const rows = await onServer(database.adminUrl, async (client) => {
    const { rows } = await client.query<{ place: string; offset: number; value: string }>(
      `select topic || ' ' || partition as place, "offset"::integer as offset, value from event_log.record`,
    )
    return rows
  })
  return rows.filter(({ place, offset }) => offset >= (end.get(place) ?? 0)).map(({ value }) => JSON.parse(value))
}

/** Whether an event tells somebody's id anywhere. */
export const names =
  ({ id }: { id: string }) =>
  (event: CloudEvent): boolean =>
    JSON.stringify(event).includes(id)
