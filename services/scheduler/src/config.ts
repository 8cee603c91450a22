import { DEVELOPMENT_SECRET, type Environment, readEnv, requireOwnSecrets } from '@platform/config/env.ts'
import { CommonEnv } from '@platform/service/settings.ts'
import { Type } from 'typebox'

const count = (options: { default: number; minimum?: number; maximum?: number }) =>
  Type.Integer({ minimum: 1, maximum: 1_000_000, ...options })
const Ms = (options: { default: number; minimum?: number }) =>
  Type.Integer({ minimum: 10, maximum: 3_600_000, ...options })

const Env = Type.Object({
  ...CommonEnv,
  /** Seals what is secret of jobs and accounts; several, separated by commas: the first seals, all open. */
  JOB_SECRETS_KEY: Type.String({ minLength: 32, default: DEVELOPMENT_SECRET }),
  /** Ranges, separated by commas, that jobs may reach although they are no public ones. */
  ALLOWED_INNER_TARGETS: Type.String({ default: '' }),
  CONNECT_TIMEOUT_MS: Ms({ default: 5_000 }),
  REQUEST_TIMEOUT_MS: Ms({ default: 30_000 }),
  KEPT_BODY_BYTES: Type.Integer({ minimum: 0, maximum: 1_048_576, default: 65_536 }),
  ATTEMPT_RETENTION_DAYS: count({ default: 30, maximum: 3_650 }),
  /** How long jobs are kept after they have finished, or were deleted. */
  JOB_RETENTION_DAYS: count({ default: 90, maximum: 36_500 }),
  MAX_ACTIVE_JOBS: count({ default: 100_000, maximum: 100_000_000 }),
  /** How often engines look, and how far ahead. */
  POLL_MS: Ms({ default: 500 }),
  HORIZON_MS: Ms({ default: 2_000 }),
  LEASE_MS: Ms({ default: 15_000, minimum: 500 }),
  CLAIM_BATCH: count({ default: 1_000, maximum: 10_000 }),
  CONCURRENCY: count({ default: 512, maximum: 10_000 }),
  HOST_CONCURRENCY: count({ default: 64, maximum: 10_000 }),
  ACCOUNT_CONCURRENCY: count({ default: 256, maximum: 10_000 }),
})

export function loadConfig(env: Environment) {
  const settings = readEnv(env, Env)
  const { ASSERTION_SECRET, JOB_SECRETS_KEY } = settings
  requireOwnSecrets(env, { ASSERTION_SECRET, JOB_SECRETS_KEY })
  const allowedInnerTargets = settings.ALLOWED_INNER_TARGETS.split(',').filter((range) => range.trim() !== '')
  return { ...settings, allowedInnerTargets }
}

export type Config = ReturnType<typeof loadConfig>
