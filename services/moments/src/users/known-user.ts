import { AccountState } from '@platform/contracts/accounts.ts'
import { compileLazily } from '@platform/events/event-type.ts'
import type { Cause } from '@platform/events/outbox.ts'
import { DomainError } from '@platform/http/errors.ts'
import { runPrepared } from '@platform/http/idempotency.ts'
import type { AnyReply, RouteRequest } from '@platform/http/route.ts'
import { causeOf } from '@platform/service/cause.ts'
import { sql } from 'kysely'
import { type Static, Type } from 'typebox'
import type { Db, Tx } from '../db/schema.ts'
import type { Deps } from '../deps.ts'

type Asking = Pick<RouteRequest<unknown, unknown, unknown>, 'caller' | 'requestId' | 'traceparent'>

const Account = Type.Object({ state: AccountState })
const parseAccount = compileLazily<Static<typeof Account>>(Account)

/**
 * Refuses a caller who is no user. A user is known by the account's read model, by a right on a robot, also a revoked one,
 * or by the gateway, which is asked last: the read model may be late. It waits for another process, so it never runs
 * inside a transaction.
 *
 * @throws DomainError `not_found`; `unavailable` when the gateway would have to be asked and does not answer
 */
export async function requireKnownUser(
  { db, gateway }: Pick<Deps, 'db' | 'gateway'>,
  { caller: { userId }, requestId, traceparent }: Asking,
): Promise<void> {
  const { is_deleted, is_known } = await findUser(db, userId)
  if (is_deleted) throw userNotFound()
  if (is_known) return
  const answer = await gateway.get(`/internal/accounts/${userId}`, { requestId, traceparent })
  if (answer === undefined) throw userNotFound()
  const { state } = parseAccount(answer, 'The answer about an account')
  if (state.deletedAt !== undefined) throw userNotFound()
}

/** Runs a command in one transaction, with its `Idempotency-Key`, for a caller who is a user. */
export function knownUserCommand<R extends AnyReply>(
  deps: Pick<Deps, 'db' | 'gateway' | 'clock'>,
  request: RouteRequest<unknown, unknown, unknown>,
  work: (trx: Tx, cause: Cause) => Promise<R>,
): Promise<R> {
  return runPrepared(
    deps.db,
    request,
    () => requireKnownUser(deps, request),
    (trx) => work(trx, causeOf(request, deps.clock)),
  )
}

interface FoundUser {
  is_known: boolean
  is_deleted: boolean
}

async function findUser(db: Db, userId: string): Promise<FoundUser> {
  const { rows } = await sql<FoundUser>`
    select
      exists (select from account where id = ${userId} and deleted_at is null)
        or exists (select from access where user_id = ${userId}) as is_known,
      exists (select from account where id = ${userId} and deleted_at is not null) as is_deleted`.execute(db)
  const [found] = rows
  if (!found) throw new Error('A select without a table gave no row.')
  return found
}

const userNotFound = () => new DomainError('not_found', 'User UUID not found')
