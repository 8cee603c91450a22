import { type Environment, readEnv, requireOwnSecrets } from '@platform/config/env.ts'
import { CommonEnv } from '@platform/service/settings.ts'
import { Type } from 'typebox'

const Env = Type.Object({
  ...CommonEnv,
  GROUPS_URL: Type.String({ pattern: '^https?://' }),
  /** This many different reporters flag content. */
  REPORT_THRESHOLD: Type.Integer({ minimum: 1, maximum: 1_000_000, default: 3 }),
})

export function loadConfig(env: Environment) {
  const settings = readEnv(env, Env)
  requireOwnSecrets(env, { ASSERTION_SECRET: settings.ASSERTION_SECRET })
  return settings
}
