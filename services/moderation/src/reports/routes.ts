import { DateTime, EntityType, Nullable, Uuid } from '@platform/contracts/shapes.ts'
import { DomainError } from '@platform/http/errors.ts'
import { runCommand } from '@platform/http/idempotency.ts'
import { defineRoute, type Route, route } from '@platform/http/route.ts'
import { causeOf } from '@platform/service/cause.ts'
import { type Static, Type } from 'typebox'
import type { Db, ReportRow } from '../db/schema.ts'
import { lookUp } from '../items/items.ts'
import type { EntityKind } from '../items/kind.ts'
import { fileReport, isSettled } from './reports.ts'

const Reason = Type.String({ minLength: 1, maxLength: 500, pattern: '\\S' })
const Comment = Type.String({ maxLength: 2000 })

const NewReport = Type.Object(
  { entityType: EntityType, entityId: Uuid, reason: Reason, comment: Type.Optional(Nullable(Comment)) },
  { title: 'NewReport' },
)

const Report = Type.Object(
  {
    id: Uuid,
    entityType: EntityType,
    entityId: Uuid,
    reason: Reason,
    comment: Nullable(Comment),
    createdAt: DateTime,
  },
  { title: 'Report' },
)

const reportDefinition = defineRoute({
  method: 'post',
  path: '/reports',
  operationId: 'report',
  summary: 'Report content to the moderators',
  description:
    'Once for each piece of content; when enough different people do, it is flagged. 409: you have reported it already, or it was decided on. A decision closes all reports, and only an edit opens the content to new ones.',
  tag: 'moderation',
  access: { scope: 'reports:write' },
  body: NewReport,
  responses: { 201: Report },
  errors: ['not_found', 'conflict'],
})

export interface ReportRouteDeps {
  db: Db
  clock: () => Date
  /** How many different reporters flag content. */
  threshold: number
}

/** What anybody can do about content. */
export function reportRoutes({ db, clock, threshold }: ReportRouteDeps, kinds: EntityKind[]): Route[] {
  return [
    route(reportDefinition, async (request) => {
      const { entityType, reason, comment } = request.body
      const entityId = request.body.entityId.toLowerCase()
      const kind = kinds.find(({ type }) => type === entityType)
      if (!kind) throw new DomainError('not_found', `The ${entityType} does not exist.`)
      const seen = await lookUp(db, kind, entityId, request, isSettled)
      return runCommand(db, request, async (trx) => {
        const report = { entityId, reporterId: request.caller.userId, reason, comment }
        const row = await fileReport(trx, kind, seen, report, threshold, causeOf(request, clock))
        return { status: 201, body: toReport(row) }
      })
    }),
  ]
}

function toReport(row: ReportRow): Static<typeof Report> {
  return {
    id: row.id,
    entityType: row.entity_type,
    entityId: row.entity_id,
    reason: row.reason,
    comment: row.comment,
    createdAt: row.created_at.toISOString(),
  }
}
