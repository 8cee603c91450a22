import { type AccountState, accountCreated, accountDeleted, accountUpdated } from '@platform/contracts/accounts.ts'
import { isUniqueViolation } from '@platform/db/database.ts'
import { type Cause, publish } from '@platform/events/outbox.ts'
import { DomainError } from '@platform/http/errors.ts'
import type { Selectable } from 'kysely'
import { v7 as uuid } from 'uuid'
import { insertKey } from '../api-keys/api-keys.ts'
import { announce } from '../credentials/invalidation.ts'
import type { AccountRole, Db, GatewayTables, Tx } from '../db/schema.ts'
import { revokeSessionsOf } from '../tokens/sessions.ts'

export type AccountRow = Selectable<GatewayTables['account']>

/** An address as it is kept and compared: two that differ in case only are one. */
export function normaliseEmail(email: string): string {
  return email.normalize('NFC').toLowerCase()
}

export interface NewAccount {
  /** Normalised. */
  email: string
  passwordHash: string
  timezone: string
  role?: AccountRole
}

/**
 * Makes an account with a first API key, which nothing can show again.
 *
 * @throws DomainError `conflict` when the address is taken
 */
export async function createAccount(
  trx: Tx,
  { email, passwordHash, timezone, role = 'user' }: NewAccount,
  cause: Cause,
): Promise<{ account: AccountRow; apiKey: string }> {
  const now = cause.at
  const account = await trx
    .insertInto('account')
    .values({ id: uuid(), email, password_hash: passwordHash, timezone, role, created_at: now, updated_at: now })
    .returningAll()
    .executeTakeFirstOrThrow()
    .catch((error) => {
      throw isUniqueViolation(error, 'account_email_key') ? taken(error) : error
    })
  const { key } = await insertKey(trx, { accountId: account.id, name: 'default', scopes: null, expiresAt: null, now })
  await publishState(trx, accountCreated, account, { ...cause, actorId: account.id })
  return { account, apiKey: key }
}

const taken = (cause: unknown) => new DomainError('conflict', 'The address is taken.', { cause })

/** @throws DomainError `not_found` for a caller whose account is not here: tokens of other issuers have none */
export async function getAccount(db: Db | Tx, id: string): Promise<AccountRow> {
  const account = await findAccount(db, id)
  if (!account) throw new DomainError('not_found', 'There is no such account here.')
  return account
}

export async function findAccount(db: Db | Tx, id: string): Promise<AccountRow | undefined> {
  return db.selectFrom('account').selectAll().where('id', '=', id).where('deleted_at', 'is', null).executeTakeFirst()
}

export async function findAccountByEmail(db: Db | Tx, email: string): Promise<AccountRow | undefined> {
  return db
    .selectFrom('account')
    .selectAll()
    .where('email', '=', normaliseEmail(email))
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
}

export interface AccountChange {
  email?: string
  timezone?: string
  passwordHash?: string
  role?: AccountRole
}

/**
 * Changes what is given. A new password or role ends every session; the role's key scopes follow it by themselves.
 *
 * @throws DomainError `not_found`, `conflict` when the address is taken
 */
export async function updateAccount(trx: Tx, id: string, change: AccountChange, cause: Cause): Promise<AccountRow> {
  await lockAccount(trx, id)
  const account = await trx
    .updateTable('account')
    .set((eb) => ({
      email: change.email,
      timezone: change.timezone,
      password_hash: change.passwordHash,
      role: change.role,
      version: eb('version', '+', 1),
      updated_at: cause.at,
    }))
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow()
    .catch((error) => {
      throw isUniqueViolation(error, 'account_email_key') ? taken(error) : error
    })
  if (change.passwordHash !== undefined) await revokeSessionsOf(trx, id, cause.at)
  await announce(trx, { kind: 'account', id })
  await publishState(trx, accountUpdated, account, cause)
  return account
}

/** Deletes the account with its address, keys and sessions; only its id and dates are left. */
export async function deleteAccount(trx: Tx, id: string, cause: Cause): Promise<void> {
  await lockAccount(trx, id)
  const account = await trx
    .updateTable('account')
    .set((eb) => ({
      email: null,
      password_hash: null,
      version: eb('version', '+', 1),
      updated_at: cause.at,
      deleted_at: cause.at,
    }))
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow()
  await trx.deleteFrom('api_key').where('account_id', '=', id).execute()
  await trx.deleteFrom('session').where('account_id', '=', id).execute()
  await announce(trx, { kind: 'account', id })
  await publishState(trx, accountDeleted, account, cause)
}

/** Whoever changes an account, its keys or its sessions takes this first. @throws DomainError `not_found` */
export async function lockAccount(trx: Tx, id: string): Promise<AccountRow> {
  const account = await trx
    .selectFrom('account')
    .selectAll()
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .forUpdate()
    .executeTakeFirst()
  if (!account) throw new DomainError('not_found', 'There is no such account here.')
  return account
}

/** Returns the part of an account that other services may know. */
export function toAccountState(account: AccountRow): AccountState {
  return {
    id: account.id,
    timezone: account.timezone,
    createdAt: account.created_at.toISOString(),
    updatedAt: account.updated_at.toISOString(),
    ...(account.deleted_at && { deletedAt: account.deleted_at.toISOString() }),
  }
}

async function publishState(trx: Tx, event: typeof accountCreated, account: AccountRow, cause: Cause): Promise<void> {
  const data = toAccountState(account)
  await publish(trx, event, { source: '/gateway', subject: account.id, entityVersion: account.version, data }, cause)
}
