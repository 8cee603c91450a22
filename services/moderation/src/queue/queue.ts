import { ENTITY_TYPES, type EntityType, type ModerationStatus } from '@platform/contracts/shapes.ts'
import type { PageRequest } from '@platform/http/paging.ts'
import { sql } from 'kysely'
import type { Db, ItemRow } from '../db/schema.ts'
import { totalOf } from '../items/totals.ts'

/** What waits for somebody to decide. */
const WAITING: ModerationStatus[] = ['review', 'flagged']

export interface QueueRequest extends PageRequest {
  entityType?: EntityType | undefined
  status?: ModerationStatus | undefined
}

export interface QueuePage {
  items: ItemRow[]
  total: number
}

/** A page of the queue: first what has had its status for the longest time. */
export async function readQueue(db: Db, { entityType, status, page, limit }: QueueRequest): Promise<QueuePage> {
  const types = entityType ? [entityType] : [...ENTITY_TYPES]
  const statuses = status ? [status] : WAITING
  const total = await totalOf(db, types, statuses)
  const offset = page * limit
  if (offset >= total) return { items: [], total }
  // Each branch comes in order from one range of the index, and the ranges are merged: nothing is sorted or counted.
  const branches = types.flatMap((type) => statuses.map((each) => branch(db, type, each, offset + limit)))
  const [first, ...others] = branches
  if (!first) return { items: [], total }
  const items = await db
    .selectFrom(others.reduce((all, each) => all.unionAll(each), first).as('waiting'))
    .selectAll()
    .orderBy('status_since')
    .orderBy('entity_id')
    .offset(offset)
    .limit(limit)
    .execute()
  return { items, total }
}

function branch(db: Db, type: EntityType, status: ModerationStatus, limit: number) {
  const rows = db
    .selectFrom('item')
    .selectAll()
    .where('entity_type', '=', type)
    .where('status', '=', status)
    .where('deleted_at', 'is', null)
    .orderBy('status_since')
    .orderBy('entity_id')
    .limit(limit)
    .as('branch')
  return db.selectFrom(rows).selectAll()
}

/** What reporters say about an item, without who they are. */
export interface OpenReport {
  entity_id: string
  reason: string
  comment: string | null
  created_at: Date
}

/** The newest open reports of each of these items. */
export async function readOpenReports(db: Db, items: ItemRow[], perItem: number): Promise<OpenReport[]> {
  const reported = items.filter((item) => item.open_report_count > 0)
  if (reported.length === 0) return []
  const keys = reported.map(
    (item) => sql`(${item.entity_type}, ${item.entity_id}::uuid, ${item.report_round}::integer)`,
  )
  const { rows } = await sql<OpenReport>`
    select newest.entity_id, newest.reason, newest.comment, newest.created_at
    from (values ${sql.join(keys)}) as reported (entity_type, entity_id, round)
    cross join lateral (
      select * from report
      where report.entity_type = reported.entity_type
        and report.entity_id = reported.entity_id and report.round = reported.round
      order by report.created_at desc
      limit ${perItem}
    ) as newest
    order by newest.created_at desc`.execute(db)
  return rows
}
