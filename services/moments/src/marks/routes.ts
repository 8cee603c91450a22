import { runStatement } from '@platform/http/idempotency.ts'
import { defineRoute, type Route, route } from '@platform/http/route.ts'
import { Type } from 'typebox'
import type { Deps } from '../deps.ts'
import { findMomentViews, readMomentUUID } from '../moments/find-moment.ts'
import { type MomentViewRow, toMoment } from '../moments/moment-view.ts'
import { MomentParams } from '../moments/read-routes.ts'
import { MomentAnswer } from '../moments/shapes.ts'
import { knownUserCommand } from '../users/known-user.ts'
import { countShare, countView, SEEN_REFUSALS, SHARE_REFUSALS } from './counted.ts'
import { FEEDBACK_REFUSALS, FEEDBACKS, type Feedback, giveFeedback } from './feedback.ts'

const mark = {
  method: 'put',
  tag: 'moments',
  access: { scope: 'moments:write' },
  params: MomentParams,
  responses: { 200: MomentAnswer },
} as const

const shareDefinition = defineRoute({
  ...mark,
  path: '/moments/{momentUUID}/share',
  operationId: 'shareMoment',
  summary: 'Record a share of a moment',
  description: 'Each call counts. With an `Idempotency-Key`, a retry counts once.',
  errors: ['forbidden', 'not_found'],
})

const seenDefinition = defineRoute({
  ...mark,
  path: '/moments/{momentUUID}/seen',
  operationId: 'markMomentSeen',
  summary: 'Record a view of a moment',
  description: 'Each call counts, and marks the moment as seen. With an `Idempotency-Key`, a retry counts once.',
  errors: ['forbidden', 'not_found'],
})

const feedbackDefinition = defineRoute({
  ...mark,
  path: '/moments/{momentUUID}/feedback',
  operationId: 'giveFeedback',
  summary: 'Like or dislike a moment',
  description: "The caller's newest value replaces the one before.",
  body: Type.Object(
    {
      feedback: Type.Unsafe<Feedback>({
        type: 'integer',
        enum: [...FEEDBACKS],
        description: '1: like; -1: dislike; 0: neither.',
      }),
    },
    { title: 'Feedback' },
  ),
  errors: ['forbidden', 'not_found'],
})

/** Returns the routes of marks that a user leaves on one moment. */
export function markRoutes(deps: Deps): Route[] {
  const { db, clock, addresses } = deps
  const answer = async (message: string, row: MomentViewRow) => ({
    status: 200 as const,
    body: { message, moment: await toMoment(row, { addresses, now: clock() }) },
  })
  return [
    route(shareDefinition, async (request) => {
      const { caller, params } = request
      const id = readMomentUUID(params.momentUUID, SHARE_REFUSALS)
      return knownUserCommand(deps, request, async (trx, cause) =>
        answer('Moment share request recorded', await countShare(trx, caller, id, cause)),
      )
    }),
    route(seenDefinition, async (request) => {
      const { caller, params } = request
      const id = readMomentUUID(params.momentUUID, SEEN_REFUSALS)
      return runStatement(db, request, async (on) => answer('Moment updated', await countView(on, caller, id, clock())))
    }),
    route(feedbackDefinition, async (request) => {
      const { caller, params, body } = request
      const momentId = readMomentUUID(params.momentUUID, FEEDBACK_REFUSALS)
      return knownUserCommand(deps, request, async (trx, cause) => {
        await giveFeedback(trx, caller, { momentId, feedback: body.feedback }, cause)
        const [row] = await findMomentViews(trx, caller.userId, [momentId])
        if (!row) throw new Error('A moment vanished while it was locked.')
        return answer('Feedback updated or saved', row)
      })
    }),
  ]
}
