import { DEVELOPMENT_SECRET, type Environment, readEnv, requireOwnSecrets } from '@platform/config/env.ts'
import { ErasureEnv } from '@platform/erasure/settings.ts'
import { CommonEnv } from '@platform/service/settings.ts'
import { Type } from 'typebox'
import { MediaEnv } from './media/settings.ts'

const Days = (options: { default: number }) => Type.Integer({ minimum: 1, maximum: 36_500, ...options })

const Env = Type.Object({
  ...CommonEnv,
  ...ErasureEnv,
  ...MediaEnv,
  /** The gateway's private listener. */
  GATEWAY_PRIVATE_URL: Type.String({ pattern: '^https?://' }),
  /** Signs cursors and anchors of lists. */
  CURSOR_SECRET: Type.String({ minLength: 32, default: DEVELOPMENT_SECRET }),
  /** How long an address of a file works that a moment's view names. */
  MEDIA_URL_MINUTES: Type.Integer({ minimum: 1, maximum: 1_440, default: 10 }),
  /** How long an upload URL works. An upload that no moment names is deleted after twice that. */
  UPLOAD_URL_MINUTES: Type.Integer({ minimum: 1, maximum: 1_440, default: 15 }),
  /** How often to look for uploads, moments and tombstones whose time is over. */
  HOUSEKEEPING_POLL_MS: Type.Integer({ minimum: 10, maximum: 3_600_000, default: 5_000 }),
  /** After this time other replicas resume a purge that was begun and is not finished. */
  PURGE_LEASE_MS: Type.Integer({ minimum: 100, maximum: 3_600_000, default: 60_000 }),
  /** How long a deleted moment stays in the trash. */
  TRASH_DAYS: Days({ default: 30 }),
  /** How long a purged moment's tombstone refuses the same capture. */
  TOMBSTONE_DAYS: Days({ default: 365 }),
})

/**
 * Reads and checks the service's environment.
 *
 * @throws Error naming each variable that is missing or wrong
 */
export function loadConfig(env: Environment) {
  const settings = readEnv(env, Env)
  const { ASSERTION_SECRET, CURSOR_SECRET, MEDIA_URL_SECRET } = settings
  requireOwnSecrets(env, { ASSERTION_SECRET, CURSOR_SECRET, MEDIA_URL_SECRET })
  return settings
}

export type Config = ReturnType<typeof loadConfig>
