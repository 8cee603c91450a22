import { createHash } from 'node:crypto'
import { isRetryable } from '@platform/db/database.ts'
import { type Generated, type Kysely, sql, type Transaction } from 'kysely'
import { DomainError } from './errors.ts'
import type { AnyReply, RouteRequest } from './route.ts'

/** The table behind `Idempotency-Key`, one in the schema of each service that takes writes. */
export interface IdempotencyTables {
  idempotency_key: {
    /** Who wrote: a user's id, or what stands for somebody without an account. */
    owner: string
    key: string
    /** SHA-256 of method, path and body. */
    fingerprint: string
    created_at: Generated<Date>
    status: number | null
    /** Headers and body of the first answer, as JSON text. */
    answer: string | null
  }
}

const LIFETIME_HOURS = 24
const KEY = /^[\x21-\x7e]{1,255}$/

/** How answers are kept. Those with a secret in them are sealed, so that the table alone gives nothing away. */
export interface AnswerSeal {
  seal(text: string): string
  open(text: string): string
}

const AS_IT_IS: AnswerSeal = { seal: (text) => text, open: (text) => text }

type CommandRequest = Pick<RouteRequest<unknown, unknown, unknown>, 'method' | 'path' | 'body' | 'caller' | 'headers'>

/** How a command is run, where that is not the usual way. */
export interface CommandOptions {
  /** Who the key belongs to, where there is no caller yet. */
  owner?: string
  seal?: AnswerSeal
}

/**
 * Runs a command in one transaction, again when it loses to a deadlock. With an `Idempotency-Key` its answer is kept in
 * the same transaction: whoever comes with the same key, user and request gets that answer, also while the first is
 * still at work (the second waits for it). A refusal is not kept: it changed nothing and may be tried again.
 *
 * @throws DomainError `validation` for a key that is none, `conflict` for a key that was used for something else
 */
export function runCommand<T extends IdempotencyTables, R extends AnyReply>(
  db: Kysely<T>,
  request: CommandRequest,
  work: (trx: Transaction<T>) => Promise<R>,
  options?: CommandOptions,
): Promise<R> {
  return runPrepared(db, request, undefined, work, options)
}

/**
 * As `runCommand`, for a command that needs to know beforehand what is too slow to find out in a transaction.
 *
 * @param prepare finds it out, or refuses. It is not asked for a request whose answer is kept: what could be done then may
 *   have become impossible since.
 */
export async function runPrepared<T extends IdempotencyTables, R extends AnyReply, P>(
  db: Kysely<T>,
  request: CommandRequest,
  prepare: (() => Promise<P>) | undefined,
  work: (trx: Transaction<T>, prepared: P) => Promise<R>,
  { owner = request.caller.userId, seal = AS_IT_IS }: CommandOptions = {},
): Promise<R> {
  const ready = async () => prepare?.() as Promise<P>
  const key = request.headers['idempotency-key']
  if (key === undefined) {
    const prepared = await ready()
    return inTransaction(db, (trx) => work(trx, prepared))
  }
  if (!KEY.test(key)) {
    throw new DomainError('validation', 'header.idempotency-key must be 1 to 255 printable ASCII characters')
  }
  const claim = { owner, key, fingerprint: fingerprintOf(request) }
  const open = (answer: string) => JSON.parse(seal.open(answer)) as R
  const kept = prepare && (await findAnswer(db as unknown as Kysely<IdempotencyTables>, claim))
  if (kept !== undefined) return open(kept)
  // What is refused here counts only when nobody with the same key has got further meanwhile.
  const [prepared] = await Promise.allSettled([ready()])
  return inTransaction(db, async (trx) => {
    const keys = trx as unknown as Transaction<IdempotencyTables>
    const first = await takeKey(keys, claim)
    if (first !== undefined) return open(first)
    if (prepared.status === 'rejected') throw prepared.reason
    const reply = await work(trx, prepared.value)
    await keys
      .updateTable('idempotency_key')
      .set({ status: reply.status, answer: seal.seal(JSON.stringify(reply)) })
      .where('owner', '=', owner)
      .where('key', '=', key)
      .execute()
    return reply
  })
}

/**
 * As `runCommand`, for a command that changes something by one statement only. Without a key that statement is the
 * transaction: it commits by itself, two ways to the database are saved, and no lock outlives it.
 *
 * @param work what it reads before is not in one transaction with the statement, which has to hold by itself
 */
export function runStatement<T extends IdempotencyTables, R extends AnyReply>(
  db: Kysely<T>,
  request: CommandRequest,
  work: (db: Kysely<T>) => Promise<R>,
): Promise<R> {
  if (request.headers['idempotency-key'] !== undefined) return runCommand(db, request, work)
  return retried(() => work(db))
}

/** A key, and what it is used for. */
interface Claim {
  owner: string
  key: string
  fingerprint: string
}

const fingerprintOf = ({ method, path, body }: CommandRequest) =>
  createHash('sha256')
    .update(JSON.stringify([method, path, body ?? null]))
    .digest('hex')

const isOutdated = sql<boolean>`idempotency_key.created_at < now() - ${LIFETIME_HOURS} * interval '1 hour'`

/** @returns the kept answer, or undefined when the key is now ours */
async function takeKey(trx: Transaction<IdempotencyTables>, claim: Claim): Promise<string | undefined> {
  const { owner, key, fingerprint } = claim
  // An outdated key is taken over in place; one that another transaction holds makes this statement wait for it.
  const claimed = await trx
    .insertInto('idempotency_key')
    .values({ owner, key, fingerprint, status: null, answer: null })
    .onConflict((oc) =>
      oc
        .columns(['owner', 'key'])
        .doUpdateSet({ fingerprint, created_at: sql`now()`, status: null, answer: null })
        .where(isOutdated),
    )
    .returning('key')
    .executeTakeFirst()
  if (claimed) return undefined
  const first = await findAnswer(trx, claim)
  if (first === undefined) throw usedOtherwise()
  return first
}

/** @throws DomainError `conflict` when the key was used for something else */
async function findAnswer(db: Kysely<IdempotencyTables>, claim: Claim): Promise<string | undefined> {
  const first = await db
    .selectFrom('idempotency_key')
    .select(['fingerprint', 'answer'])
    .where('owner', '=', claim.owner)
    .where('key', '=', claim.key)
    .where(sql<boolean>`not ${isOutdated}`)
    .executeTakeFirst()
  if (first && first.fingerprint !== claim.fingerprint) throw usedOtherwise()
  return first?.answer ?? undefined
}

const usedOtherwise = () => new DomainError('conflict', 'The Idempotency-Key was used for another request.')

const TRIES = 3

function inTransaction<T, R>(db: Kysely<T>, work: (trx: Transaction<T>) => Promise<R>): Promise<R> {
  return retried(() => db.transaction().execute(work))
}

async function retried<R>(transaction: () => Promise<R>): Promise<R> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await transaction()
    } catch (error) {
      // The transaction that won has finished by then.
      if (attempt === TRIES || !isRetryable(error)) throw error
    }
  }
}

/** Removes what nobody can replay any more, in small batches. */
export async function purgeIdempotencyKeys<T extends IdempotencyTables>(db: Kysely<T>): Promise<void> {
  let purged: bigint
  do {
    const result = await sql`
      delete from idempotency_key where ctid in (
        select ctid from idempotency_key
        where created_at < now() - ${LIFETIME_HOURS} * interval '1 hour' limit 1000)`.execute(db)
    purged = result.numAffectedRows ?? 0n
  } while (purged === 1000n)
}
