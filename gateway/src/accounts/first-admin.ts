import { DomainError } from '@platform/http/errors.ts'
import type { Logger } from '@platform/log/logger.ts'
import type { AccountRole, Db } from '../db/schema.ts'
import { createAccount, findAccountByEmail, normaliseEmail, updateAccount } from './accounts.ts'
import { hashPassword } from './passwords.ts'

/**
 * Sees to it that there is an admin. An account that has the address already is left as it is, its password too: the
 * settings make the first admin, they do not keep one. Replicas may start at once.
 */
export async function ensureFirstAdmin(
  db: Db,
  admin: { email: string; password: string },
  log: Logger,
  now: Date,
): Promise<void> {
  const email = normaliseEmail(admin.email)
  const found = await findAccountByEmail(db, email)
  if (found) {
    if (found.role !== 'admin') log.warn('ADMIN_EMAIL is the address of an account that is no admin')
    return
  }
  const passwordHash = await hashPassword(admin.password)
  try {
    await db
      .transaction()
      .execute((trx) => createAccount(trx, { email, passwordHash, timezone: 'UTC', role: 'admin' }, { at: now }))
    log.info('the first admin was made')
  } catch (error) {
    if (!(error instanceof DomainError && error.code === 'conflict')) throw error
  }
}

/** @throws Error when nobody has this address */
export async function setRole(db: Db, email: string, role: AccountRole, now: Date): Promise<void> {
  const account = await findAccountByEmail(db, email)
  if (!account) throw new Error('There is no account with this address.')
  await db.transaction().execute((trx) => updateAccount(trx, account.id, { role }, { at: now }))
}
