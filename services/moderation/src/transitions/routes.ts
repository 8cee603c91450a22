import { ModerationStatus, Nullable, Uuid } from '@platform/contracts/shapes.ts'
import type { Caller } from '@platform/http/assertion.ts'
import { runCommand } from '@platform/http/idempotency.ts'
import { PageQuery, toPage } from '@platform/http/paging.ts'
import { defineRoute, type Route, route } from '@platform/http/route.ts'
import { causeOf } from '@platform/service/cause.ts'
import { type Static, Type } from 'typebox'
import { FOR_MODERATORS } from '../access.ts'
import type { Db } from '../db/schema.ts'
import { lookUp, notFound } from '../items/items.ts'
import type { EntityKind } from '../items/kind.ts'
import { readIfMatch, revisionTag } from './if-match.ts'
import { TransitionPage, TransitionRecord, toRecord } from './transition-record.ts'
import { type Decision, decide, listTransitions } from './transitions.ts'

const NewTransition = Type.Object(
  {
    status: ModerationStatus,
    reason: Type.Optional(Type.String({ maxLength: 2000, description: 'Free text.' })),
    agentId: Type.Optional(Uuid),
    comment: Type.Optional(Nullable(Type.String({ maxLength: 2000 }))),
  },
  { title: 'NewModerationTransition' },
)

const postDefinition = ({ type, plural, idParameter }: EntityKind) =>
  defineRoute({
    ...FOR_MODERATORS,
    method: 'post',
    path: `/moderation/${plural}/{${idParameter}}/transitions`,
    operationId: `transition${capitalised(type)}`,
    summary: `Transition a ${type}'s moderation status`,
    description:
      'The status that the content has already: the latest record, and nothing is added. With `If-Match: "REVISION"` a decision on content that has changed since that revision is refused. `ETag` is the revision of the content now. 409: the move is not allowed, the content has changed, somebody else has decided at the same moment, or `posted` is asked of what was never moved.',
    params: Type.Object({ [idParameter]: Uuid }),
    body: NewTransition,
    responses: { 200: TransitionRecord },
    errors: ['not_found', 'conflict'],
  })

const listDefinition = ({ type, plural, idParameter }: EntityKind) =>
  defineRoute({
    ...FOR_MODERATORS,
    method: 'get',
    path: `/moderation/${plural}/{${idParameter}}/transitions`,
    operationId: `list${capitalised(type)}Transitions`,
    summary: `List a ${type}'s moderation transitions`,
    description: 'The audit trail, newest first. It outlives the content. `ETag` is the revision of the content now.',
    params: Type.Object({ [idParameter]: Uuid }),
    query: Type.Object(PageQuery),
    responses: { 200: TransitionPage },
    errors: ['not_found'],
  })

/** The status machine and the audit trail of one kind of content. */
export function transitionRoutes({ db, clock }: { db: Db; clock: () => Date }, kind: EntityKind): Route[] {
  const entityIdOf = (params: Record<string, string>) => params[kind.idParameter]?.toLowerCase() ?? ''
  return [
    route(postDefinition(kind), async (request) => {
      const decision = toDecision(request.body, request.caller, readIfMatch(request.headers['if-match']))
      const seen = await lookUp(db, kind, entityIdOf(request.params), request)
      return runCommand(db, request, async (trx) => {
        const { transition, contentRevision } = await decide(trx, kind, seen, decision, causeOf(request, clock))
        return { status: 200, headers: revisionTag(contentRevision), body: toRecord(transition) }
      })
    }),
    route(listDefinition(kind), async (request) => {
      const { item, asked } = await lookUp(db, kind, entityIdOf(request.params), request)
      const contentRevision = item?.content_revision ?? (asked && kind.facts(asked.state).contentRevision)
      if (contentRevision === undefined) throw notFound(kind)
      const rows = item ? await listTransitions(db, item, request.query) : []
      const body = toPage(rows.map(toRecord), item?.transition_count ?? 0, request.query)
      return { status: 200, headers: revisionTag(contentRevision), body }
    }),
  ]
}

function toDecision(
  { status, agentId, reason, comment }: Static<typeof NewTransition>,
  { userId, vouchedAt }: Caller,
  revision: number | undefined,
): Decision {
  const actorId = agentId?.toLowerCase() ?? userId
  return { to: status, actorId, callerId: userId, reason, comment, revision, askedAt: vouchedAt }
}

const capitalised = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1)
