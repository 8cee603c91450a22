import { DomainError } from '@platform/http/errors.ts'
import type { Selectable } from 'kysely'
import { announce } from '../credentials/invalidation.ts'
import type { Db, GatewayTables, Tx } from '../db/schema.ts'
import { hashSecret, newKey, newKeyId } from './key-format.ts'

export type KeyRow = Selectable<GatewayTables['api_key']>

/** So many keys are enough for anybody. */
export const MOST_KEYS = 100

export interface NewKey {
  accountId: string
  name: string
  /** Null: whatever the account may. */
  scopes: string[] | null
  expiresAt: Date | null
  now: Date
}

/** Makes a key. @returns its row and the key itself, which is not kept */
export async function insertKey(trx: Tx, { accountId, name, scopes, expiresAt, now }: NewKey) {
  const id = newKeyId()
  const key = newKey(id)
  const row = await trx
    .insertInto('api_key')
    .values({ id, account_id: accountId, name, hash: hashSecret(key), scopes, created_at: now, expires_at: expiresAt })
    .returningAll()
    .executeTakeFirstOrThrow()
  return { row, key }
}

/** The keys of an account, oldest first. */
export async function listKeys(db: Db, accountId: string): Promise<KeyRow[]> {
  return db
    .selectFrom('api_key')
    .selectAll()
    .where('account_id', '=', accountId)
    .orderBy('created_at')
    .orderBy('id')
    .execute()
}

/** @throws DomainError `conflict`; the account's lock makes the count hold */
export async function refuseTooManyKeys(trx: Tx, accountId: string): Promise<void> {
  const { count } = await trx
    .selectFrom('api_key')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('account_id', '=', accountId)
    .executeTakeFirstOrThrow()
  if (count >= MOST_KEYS) throw new DomainError('conflict', `An account can have ${MOST_KEYS} keys.`)
}

/** @throws DomainError `not_found`, also for the key of somebody else */
export async function lockKey(trx: Tx, accountId: string, id: string): Promise<KeyRow> {
  const row = await trx
    .selectFrom('api_key')
    .selectAll()
    .where('id', '=', id)
    .where('account_id', '=', accountId)
    .forUpdate()
    .executeTakeFirst()
  if (!row) throw new DomainError('not_found', 'There is no such key.')
  return row
}

/**
 * Gives a key a new secret. The old one lives on until its grace ends; one that was living on from a rotation before
 * ends now.
 */
export async function rotateKey(trx: Tx, { id, hash }: KeyRow, graceHours: number, now: Date) {
  const key = newKey(id)
  const hasGrace = graceHours > 0
  const row = await trx
    .updateTable('api_key')
    .set({
      hash: hashSecret(key),
      previous_hash: hasGrace ? hash : null,
      previous_until: hasGrace ? new Date(now.getTime() + graceHours * 3_600_000) : null,
    })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow()
  await announce(trx, { kind: 'key', id })
  return { row, key }
}

/** Nobody gets in with it any more, on any replica, within a second. */
export async function revokeKey(trx: Tx, id: string): Promise<void> {
  await trx.deleteFrom('api_key').where('id', '=', id).execute()
  await announce(trx, { kind: 'key', id })
}
