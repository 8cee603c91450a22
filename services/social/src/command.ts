import type { Cause } from '@platform/events/outbox.ts'
import { runCommand, runPrepared, runStatement } from '@platform/http/idempotency.ts'
import type { AnyReply, RouteRequest } from '@platform/http/route.ts'
import { causeOf } from '@platform/service/cause.ts'
import type { Db, Tx } from './db/schema.ts'
import type { Deps } from './deps.ts'
import type { Confirmed } from './membership/access.ts'
import { confirmRefusals } from './membership/confirm.ts'

/** A command in its transaction; a refusal because of our copy is confirmed before it is given. */
export function command<R extends AnyReply>(
  deps: Pick<Deps, 'db' | 'groups' | 'clock'>,
  request: RouteRequest<unknown, unknown, unknown>,
  work: (trx: Tx, cause: Cause, confirmed: Confirmed) => Promise<R>,
): Promise<R> {
  return confirmRefusals(deps, request, (confirmed) =>
    runCommand(deps.db, request, (trx) => work(trx, causeOf(request, deps.clock), confirmed)),
  )
}

/**
 * The same for a command that has to know something beforehand.
 *
 * @param prepare finds it out, or refuses; see `runPrepared`
 */
export function preparedCommand<R extends AnyReply, P>(
  deps: Pick<Deps, 'db' | 'groups' | 'clock'>,
  request: RouteRequest<unknown, unknown, unknown>,
  prepare: () => Promise<P>,
  work: (trx: Tx, prepared: P, cause: Cause, confirmed: Confirmed) => Promise<R>,
): Promise<R> {
  return confirmRefusals(deps, request, (confirmed) =>
    runPrepared(deps.db, request, prepare, (trx, prepared) =>
      work(trx, prepared, causeOf(request, deps.clock), confirmed),
    ),
  )
}

/** The same for a command of one statement, which commits by itself. */
export function statement<R extends AnyReply>(
  deps: Pick<Deps, 'db' | 'groups' | 'clock'>,
  request: RouteRequest<unknown, unknown, unknown>,
  work: (db: Db, cause: Cause) => Promise<R>,
): Promise<R> {
  return confirmRefusals(deps, request, () =>
    runStatement(deps.db, request, (db) => work(db, causeOf(request, deps.clock))),
  )
}
