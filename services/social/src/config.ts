import { DEVELOPMENT_SECRET, type Environment, readEnv, requireOwnSecrets } from '@platform/config/env.ts'
import { RedactionEnv, readRedactedStatuses } from '@platform/contracts/redaction.ts'
import { ErasureEnv } from '@platform/erasure/settings.ts'
import { GeocoderEnv } from '@platform/geo/settings.ts'
import { CommonEnv } from '@platform/service/settings.ts'
import { Type } from 'typebox'

const Env = Type.Object({
  ...CommonEnv,
  ...GeocoderEnv,
  ...RedactionEnv,
  ...ErasureEnv,
  GROUPS_URL: Type.String({ pattern: '^https?://' }),
  /** Signs the cursors of lists, so that nobody makes up their own. */
  CURSOR_SECRET: Type.String({ minLength: 32, default: DEVELOPMENT_SECRET }),
  /** How many rows a step of a large delete takes at most. */
  DELETION_BATCH_SIZE: Type.Integer({ minimum: 1, maximum: 5_000, default: 500 }),
})

export function loadConfig(env: Environment) {
  const settings = readEnv(env, Env)
  requireOwnSecrets(env, { ASSERTION_SECRET: settings.ASSERTION_SECRET, CURSOR_SECRET: settings.CURSOR_SECRET })
  return { ...settings, redactedStatuses: readRedactedStatuses(settings) }
}
