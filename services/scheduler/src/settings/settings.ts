import { randomBytes } from 'node:crypto'
import type { Updateable } from 'kysely'
import type { AccountSettingTable, Db, Tx } from '../db/schema.ts'
import type { JobSecrets } from '../secrets/job-secrets.ts'

export const DEFAULT_ZONE = 'UTC'

const newSecret = () => `whsec_${randomBytes(32).toString('base64')}`

/** What an account chose, and the secret that its requests are signed with. */
export interface Settings {
  legacyStatus: boolean
  signingSecret: string
  previousSecret?: string
  previousSecretUntil?: Date
}

/** Makes an account's settings when it comes for the first time. */
export async function ensureSettings(trx: Tx, secrets: JobSecrets, accountId: string): Promise<void> {
  await trx
    .insertInto('account_setting')
    .values({ account_id: accountId, signing_secret: secrets.sealSigning(accountId, newSecret()) })
    .onConflict((oc) => oc.doNothing())
    .execute()
}

/** An account's settings; of the secret before this one as long as it is used. */
export async function getSettings(trx: Tx, secrets: JobSecrets, accountId: string, now: Date): Promise<Settings> {
  await ensureSettings(trx, secrets, accountId)
  const row = await trx
    .selectFrom('account_setting')
    .selectAll()
    .where('account_id', '=', accountId)
    .executeTakeFirstOrThrow()
  const isUsed = row.previous_secret_until !== null && row.previous_secret_until > now
  return {
    legacyStatus: row.legacy_status,
    signingSecret: secrets.openSigning(accountId, row.signing_secret),
    ...(isUsed && {
      previousSecret: row.previous_secret === null ? undefined : secrets.openSigning(accountId, row.previous_secret),
      previousSecretUntil: row.previous_secret_until ?? undefined,
    }),
  }
}

/** Whether errors are to be answered with status 200; false for whoever chose nothing. */
export async function wantsLegacyStatus(db: Db, accountId: string): Promise<boolean> {
  const row = await db
    .selectFrom('account_setting')
    .select('legacy_status')
    .where('account_id', '=', accountId)
    .executeTakeFirst()
  return row?.legacy_status ?? false
}

export async function setLegacyStatus(
  trx: Tx,
  secrets: JobSecrets,
  accountId: string,
  legacyStatus: boolean,
): Promise<void> {
  const standing = await lockSecrets(trx, secrets, accountId)
  await updateSettings(trx, accountId, { ...standing, legacy_status: legacyStatus })
}

/** Gives an account a new secret. Requests are signed with the old one, too, until it ends. */
export async function rotateSecret(
  trx: Tx,
  secrets: JobSecrets,
  accountId: string,
  previousUntil: Date,
): Promise<void> {
  const { signing_secret: previous } = await lockSecrets(trx, secrets, accountId)
  await updateSettings(trx, accountId, {
    previous_secret: previous,
    previous_secret_until: previousUntil,
    signing_secret: secrets.sealSigning(accountId, newSecret()),
  })
}

/** @returns both secrets, sealed, also where they are in clear text from earlier */
async function lockSecrets(trx: Tx, secrets: JobSecrets, accountId: string) {
  await ensureSettings(trx, secrets, accountId)
  const { signing_secret, previous_secret } = await trx
    .selectFrom('account_setting')
    .select(['signing_secret', 'previous_secret'])
    .where('account_id', '=', accountId)
    .forUpdate()
    .executeTakeFirstOrThrow()
  return {
    signing_secret: secrets.resealSigning(accountId, signing_secret),
    previous_secret: previous_secret === null ? null : secrets.resealSigning(accountId, previous_secret),
  }
}

async function updateSettings(trx: Tx, accountId: string, changed: Updateable<AccountSettingTable>): Promise<void> {
  await trx.updateTable('account_setting').set(changed).where('account_id', '=', accountId).execute()
}

/** An account's time zone, as the last event about it said; UTC for one that no event was about. */
export async function zoneOf(db: Db | Tx, accountId: string): Promise<string> {
  const row = await db.selectFrom('account').select('timezone').where('id', '=', accountId).executeTakeFirst()
  return row?.timezone ?? DEFAULT_ZONE
}
