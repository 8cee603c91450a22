import { type Environment, readEnv, requireOwnSecrets } from '@platform/config/env.ts'
import { RedactionEnv, readRedactedStatuses } from '@platform/contracts/redaction.ts'
import { ErasureEnv } from '@platform/erasure/settings.ts'
import { GeocoderEnv } from '@platform/geo/settings.ts'
import { CommonEnv } from '@platform/service/settings.ts'
import { Type } from 'typebox'

const Env = Type.Object({ ...CommonEnv, ...GeocoderEnv, ...RedactionEnv, ...ErasureEnv })

export function loadConfig(env: Environment) {
  const settings = readEnv(env, Env)
  requireOwnSecrets(env, { ASSERTION_SECRET: settings.ASSERTION_SECRET })
  return { ...settings, redactedStatuses: readRedactedStatuses(settings) }
}

export type Config = ReturnType<typeof loadConfig>
