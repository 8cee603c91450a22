import { randomBytes } from 'node:crypto'
import { DomainError } from '@platform/http/errors.ts'
import { sql } from 'kysely'
import { v7 as uuid } from 'uuid'
import { hashSecret } from '../api-keys/key-format.ts'
import { unauthorized } from '../credentials/credential.ts'
import { announce } from '../credentials/invalidation.ts'
import type { AccountRole, Db, Tx } from '../db/schema.ts'

/** A session lives at most this long, then its owner signs in again. */
const SESSION_MS = 30 * 86_400_000

/** What a new pair of tokens is made of. */
export interface Renewal {
  accountId: string
  role: AccountRole
  sessionId: string
  refreshToken: string
}

/** Begins a session. @returns its first refresh token; only the hash is kept */
export async function openSession(trx: Tx, account: { id: string; role: AccountRole }, now: Date): Promise<Renewal> {
  const sessionId = uuid()
  const expiresAt = new Date(now.getTime() + SESSION_MS)
  await trx
    .insertInto('session')
    .values({ id: sessionId, account_id: account.id, created_at: now, expires_at: expiresAt })
    .execute()
  const refreshToken = await insertRefreshToken(trx, sessionId, now)
  return { accountId: account.id, role: account.role, sessionId, refreshToken }
}

/** What became of a refresh token: it was renewed, or why not. */
export type RefreshOutcome = Renewal | 'unknown' | 'reused' | 'concurrent'

/**
 * Exchanges a refresh token for the next one. A token that was used before means that two have it: its session ends.
 * Only a request that was under way before the other one was done is let off: that is a client which asked twice at
 * once. It gets nothing either way. The outcome is returned, not thrown, so that the end of the session is committed.
 */
export async function renewSession(trx: Tx, refreshToken: string, now: Date): Promise<RefreshOutcome> {
  const hash = hashSecret(refreshToken)
  // now() is when this transaction began, before it may have had to wait for the one that used the token.
  const token = await trx
    .selectFrom('refresh_token')
    .innerJoin('session', 'session.id', 'refresh_token.session_id')
    .innerJoin('account', 'account.id', 'session.account_id')
    .select(['session.id as sessionId', 'account.id as accountId', 'role', 'session.expires_at', 'used_at'])
    .select(sql<boolean>`used_at > now()`.as('wasUsedMeanwhile'))
    .where('hash', '=', hash)
    .where('revoked_at', 'is', null)
    .where('deleted_at', 'is', null)
    .forUpdate('refresh_token')
    .executeTakeFirst()
  if (!token || token.expires_at <= now) return 'unknown'
  if (token.used_at) {
    if (token.wasUsedMeanwhile) return 'concurrent'
    await revokeSession(trx, token.sessionId, now)
    return 'reused'
  }
  await trx.updateTable('refresh_token').set({ used_at: sql`clock_timestamp()` }).where('hash', '=', hash).execute()
  const { accountId, role, sessionId } = token
  return { accountId, role, sessionId, refreshToken: await insertRefreshToken(trx, sessionId, now) }
}

/** The renewal, or the refusal that the outcome stands for. */
export function renewalOf(outcome: RefreshOutcome): Renewal {
  if (outcome === 'concurrent') {
    throw new DomainError('conflict', 'The refresh token is being used by another request.')
  }
  if (typeof outcome === 'string') throw unauthorized('The refresh token is not valid.', 'invalid_token')
  return outcome
}

/** Ends the session that a refresh token belongs to, however old the token; nothing happens to one that is unknown. */
export async function revokeByRefreshToken(trx: Tx, refreshToken: string, now: Date): Promise<void> {
  const token = await trx
    .selectFrom('refresh_token')
    .select('session_id')
    .where('hash', '=', hashSecret(refreshToken))
    .executeTakeFirst()
  if (token) await revokeSession(trx, token.session_id, now)
}

async function revokeSession(trx: Tx, sessionId: string, now: Date): Promise<void> {
  await trx
    .updateTable('session')
    .set({ revoked_at: now })
    .where('id', '=', sessionId)
    .where('revoked_at', 'is', null)
    .execute()
  await announce(trx, { kind: 'session', id: sessionId })
}

/** Ends all sessions of an account; its caller tells the replicas. */
export async function revokeSessionsOf(trx: Tx, accountId: string, now: Date): Promise<void> {
  await trx
    .updateTable('session')
    .set({ revoked_at: now })
    .where('account_id', '=', accountId)
    .where('revoked_at', 'is', null)
    .execute()
}

async function insertRefreshToken(trx: Tx, sessionId: string, now: Date): Promise<string> {
  const refreshToken = `rt_${randomBytes(32).toString('base64url')}`
  await trx
    .insertInto('refresh_token')
    .values({ hash: hashSecret(refreshToken), session_id: sessionId, created_at: now })
    .execute()
  return refreshToken
}

/** Removes sessions that have been over for a day, in small batches. */
export async function purgeSessions(db: Db): Promise<void> {
  let purged: bigint
  do {
    const result = await sql`
      delete from session where id in (
        select id from session where expires_at < now() - interval '1 day' limit 500)`.execute(db)
    purged = result.numAffectedRows ?? 0n
  } while (purged === 500n)
}
