import type { Tx as AnyTx, Database } from '@platform/db/database.ts'
import type { EventTables } from '@platform/events/outbox.ts'
import type { IdempotencyTables } from '@platform/http/idempotency.ts'
import type { ColumnType, Generated } from 'kysely'
import type { PublicJwk } from '../tokens/signing-keys.ts'

/** What an account may be made; everybody is a `user`, and `service` comes with a key's scopes alone. */
export const ACCOUNT_ROLES = ['user', 'moderator', 'admin'] as const
export type AccountRole = (typeof ACCOUNT_ROLES)[number]

interface AccountTable {
  id: string
  /** In lower case; null once the account is deleted. */
  email: string | null
  /** Argon2id, in its own text form; null once the account is deleted. */
  password_hash: string | null
  timezone: string
  role: Generated<AccountRole>
  version: Generated<number>
  created_at: Date
  updated_at: Date
  deleted_at: ColumnType<Date | null, Date | undefined, Date>
}

interface ApiKeyTable {
  /** Part of the key itself. */
  id: string
  account_id: string
  name: string
  /** SHA-256 of the whole key. */
  hash: Buffer
  /** The key before it was rotated, for as long as its grace lasts. */
  previous_hash: ColumnType<Buffer | null, undefined, Buffer | null>
  previous_until: ColumnType<Date | null, undefined, Date | null>
  /** Null: whatever its account may. */
  scopes: string[] | null
  created_at: Date
  expires_at: Date | null
  last_used_at: ColumnType<Date | null, undefined, Date>
}

/** A sign-in: the family of all refresh tokens that came from it. */
interface SessionTable {
  id: string
  account_id: string
  created_at: Date
  /** However often it is refreshed. */
  expires_at: Date
  revoked_at: ColumnType<Date | null, undefined, Date>
}

interface RefreshTokenTable {
  /** SHA-256. */
  hash: Buffer
  session_id: string
  created_at: Date
  /** Database time. A token that was used is dead; showing it again ends its session. */
  used_at: ColumnType<Date | null, undefined, Date>
}

interface SigningKeyTable {
  kid: string
  /** A JSON Web Key. */
  public_jwk: ColumnType<PublicJwk, string, never>
  /** PKCS #8, sealed with KEY_ENCRYPTION_SECRET. */
  private_key: string
  created_at: Date
  /** No longer signs; stays published until the last token it signed has expired. */
  retired_at: ColumnType<Date | null, undefined, Date>
}

export interface GatewayTables extends EventTables, IdempotencyTables {
  account: AccountTable
  api_key: ApiKeyTable
  session: SessionTable
  refresh_token: RefreshTokenTable
  signing_key: SigningKeyTable
}

export type Db = Database<GatewayTables>['db']
export type Tx = AnyTx<GatewayTables>
