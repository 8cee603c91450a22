import { Capture } from '@platform/contracts/robots.ts'
import { DomainError } from '@platform/http/errors.ts'
import { runPrepared } from '@platform/http/idempotency.ts'
import { defineRoute, type Route, route } from '@platform/http/route.ts'
import { causeOf } from '@platform/service/cause.ts'
import type { Tx } from '../db/schema.ts'
import type { Deps } from '../deps.ts'
import { findMomentViews } from '../moments/find-moment.ts'
import { toMoment } from '../moments/moment-view.ts'
import { Moment } from '../moments/shapes.ts'
import { checkCapture } from './capture.ts'
import { ingestMoments } from './ingest.ts'
import { prepareCaptures } from './prepare.ts'
import type { ReadyCapture } from './ready-capture.ts'

const createDefinition = defineRoute({
  method: 'post',
  path: '/moments',
  operationId: 'createMoment',
  summary: 'Store a capture of a robot',
  description:
    'Idempotent by `robotUUID` and `sourceId`: a capture that is stored already answers 200 with its moment, which stays as it was. 409: the moment is in the trash, or an upload is missing or differs from its announcement. 410: the moment was deleted for good, or the robot was erased with its user.',
  tag: 'moments',
  access: { roles: ['service'], scope: 'moments:write' },
  body: Capture,
  responses: { 200: Moment, 201: Moment },
  errors: ['conflict', 'gone'],
})

/** Takes captures over HTTP. */
export function ingestRoutes(deps: Deps): Route[] {
  const { db, clock, addresses } = deps
  return [
    route(createDefinition, (request) => {
      const { body, caller } = request
      return runPrepared(
        db,
        request,
        () => prepareCaptures(deps, [checkCapture(body, causeOf(request, clock))]),
        async (trx, captures) => {
          const { momentId, isNew } = await ingestOne(trx, captures)
          const [row] = await findMomentViews(trx, caller.userId, [momentId])
          if (!row) throw new Error('A moment vanished from its own transaction.')
          const moment = await toMoment(row, { addresses, now: clock() })
          return { status: isNew ? 201 : 200, body: moment } as const
        },
      )
    }),
  ]
}

async function ingestOne(trx: Tx, captures: ReadyCapture[]): Promise<{ momentId: string; isNew: boolean }> {
  const [ingested] = await ingestMoments(trx, captures)
  if (!ingested) throw new Error('A capture has no outcome.')
  const { momentId, outcome } = ingested
  if (outcome === 'erased') throw new DomainError('gone', 'The robot was erased with its user.')
  if (outcome === 'trashed') throw new DomainError('conflict', 'The moment is in the trash.')
  if (outcome === 'purged') throw new DomainError('gone', 'The moment was deleted for good.')
  return { momentId, isNew: outcome === 'created' }
}
