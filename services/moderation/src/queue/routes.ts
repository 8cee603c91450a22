import { DateTime, EntityType, ModerationStatus, Nullable, Uuid } from '@platform/contracts/shapes.ts'
import { PageOf, PageQuery, toPage } from '@platform/http/paging.ts'
import { defineRoute, type Route, route } from '@platform/http/route.ts'
import { type Static, Type } from 'typebox'
import { FOR_MODERATORS } from '../access.ts'
import type { Db, ItemRow } from '../db/schema.ts'
import type { EntityKind } from '../items/kind.ts'
import { showItem } from '../items/show-item.ts'
import { type OpenReport, readOpenReports, readQueue } from './queue.ts'

const REPORTS_SHOWN = 5

const QueueEntry = (kinds: EntityKind[]) =>
  Type.Object(
    {
      entityType: EntityType,
      entityId: Uuid,
      subjectId: Uuid,
      status: ModerationStatus,
      statusSince: DateTime,
      contentRevision: Type.Integer({ minimum: 1, description: 'For `If-Match`, when it is decided on.' }),
      openReportCount: Type.Integer({ minimum: 0 }),
      reports: Type.Array(
        Type.Object({ reason: Type.String(), comment: Nullable(Type.String()), createdAt: DateTime }),
        { description: `The ${REPORTS_SHOWN} newest open ones.` },
      ),
      content: Type.Unsafe<object>(Type.Union(kinds.map(({ shown }) => shown))),
    },
    { title: 'ModerationQueueEntry' },
  )
type QueueEntry = Static<ReturnType<typeof QueueEntry>>

const queueDefinition = (kinds: EntityKind[]) =>
  defineRoute({
    ...FOR_MODERATORS,
    method: 'get',
    path: '/moderation/queue',
    operationId: 'readModerationQueue',
    summary: 'Read what waits for a decision',
    description: 'With the content, unredacted. First what has had its status for the longest time.',
    query: Type.Object({
      entityType: Type.Optional(EntityType),
      status: Type.Optional({ ...ModerationStatus, description: 'Without it: `review` and `flagged`.' }),
      ...PageQuery,
    }),
    responses: { 200: PageOf(QueueEntry(kinds), 'ModerationQueue') },
  })

/** The queue of all kinds together. */
export function queueRoutes({ db }: { db: Db }, kinds: EntityKind[]): Route[] {
  return [
    route(queueDefinition(kinds), async ({ query }) => {
      const { items, total } = await readQueue(db, query)
      const reports = await readOpenReports(db, items, REPORTS_SHOWN)
      const entries = items.flatMap((item) => {
        const kind = kinds.find(({ type }) => type === item.entity_type)
        return kind ? [toEntry(kind, item, reports)] : []
      })
      return { status: 200, body: toPage(entries, total, query) }
    }),
  ]
}

function toEntry(kind: EntityKind, item: ItemRow, reports: OpenReport[]): QueueEntry {
  return {
    entityType: item.entity_type,
    entityId: item.entity_id,
    subjectId: item.subject_id,
    status: item.status,
    statusSince: item.status_since.toISOString(),
    contentRevision: item.content_revision,
    openReportCount: item.open_report_count,
    reports: reports
      .filter((report) => report.entity_id === item.entity_id)
      .map(({ reason, comment, created_at }) => ({ reason, comment, createdAt: created_at.toISOString() })),
    content: showItem(kind, item),
  }
}
