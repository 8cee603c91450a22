import { type Environment, readEnv, requireOwnSecrets } from '@platform/config/env.ts'
import { MODERATION_STATUSES, type ModerationStatus } from '@platform/contracts/shapes.ts'
import { GeocoderEnv } from '@platform/geo/settings.ts'
import { CommonEnv } from '@platform/service/settings.ts'
import { Type } from 'typebox'

const statuses = MODERATION_STATUSES.join('|')

const Env = Type.Object({
  ...CommonEnv,
  ...GeocoderEnv,
  REDACTED_STATUSES: Type.String({ pattern: `^(${statuses})(,(${statuses}))*$`, default: 'review,flagged,rejected' }),
})

export function loadConfig(env: Environment) {
  const settings = readEnv(env, Env)
  requireOwnSecrets(env, { ASSERTION_SECRET: settings.ASSERTION_SECRET })
  const redactedStatuses = new Set(settings.REDACTED_STATUSES.split(',') as ModerationStatus[])
  return { ...settings, redactedStatuses }
}

export type Config = ReturnType<typeof loadConfig>
