import { DEVELOPMENT_SECRET, type Environment, readEnv, requireOwnSecrets } from '@platform/config/env.ts'
import { ErasureEnv } from '@platform/erasure/settings.ts'
import { CommonEnv } from '@platform/service/settings.ts'
import { Type } from 'typebox'

const Days = (options: { default: number }) => Type.Integer({ minimum: 1, maximum: 36_500, ...options })

const Env = Type.Object({
  ...CommonEnv,
  ...ErasureEnv,
  /** The gateway's private listener. */
  GATEWAY_PRIVATE_URL: Type.String({ pattern: '^https?://' }),
  /** Signs cursors and anchors of lists. */
  CURSOR_SECRET: Type.String({ minLength: 32, default: DEVELOPMENT_SECRET }),
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
  const { ASSERTION_SECRET, CURSOR_SECRET } = settings
  requireOwnSecrets(env, { ASSERTION_SECRET, CURSOR_SECRET })
  return settings
}

export type Config = ReturnType<typeof loadConfig>
