import type { Cause } from '@platform/events/outbox.ts'
import { runCommand } from '@platform/http/idempotency.ts'
import type { AnyReply, RouteRequest } from '@platform/http/route.ts'
import { causeOf } from '@platform/service/cause.ts'
import type { Tx } from './db/schema.ts'
import type { Deps } from './deps.ts'

/** Runs a command in one transaction, with its `Idempotency-Key`. */
export function command<R extends AnyReply>(
  { db, clock }: Pick<Deps, 'db' | 'clock'>,
  request: RouteRequest<unknown, unknown, unknown>,
  work: (trx: Tx, cause: Cause) => Promise<R>,
): Promise<R> {
  return runCommand(db, request, (trx) => work(trx, causeOf(request, clock)))
}
