import { DEVELOPMENT_SECRET } from '@platform/config/env.ts'
import { OneOf } from '@platform/http/schemas.ts'
import type { LogFormat, LogLevel } from '@platform/log/logger.ts'
import { type Static, Type } from 'typebox'

/** What every process reads from its environment; a service spreads this into its own schema. */
export const CommonEnv = {
  NODE_ENV: OneOf(['production', 'development', 'test'], { default: 'development' }),
  HOST: Type.String({ default: '127.0.0.1' }),
  PORT: Type.Integer({ minimum: 0, maximum: 65535, default: 0 }),
  DATABASE_URL: Type.String({ minLength: 1 }),
  DATABASE_POOL_SIZE: Type.Integer({ minimum: 1, maximum: 200, default: 10 }),
  LOG_LEVEL: OneOf<LogLevel[]>(['debug', 'info', 'warn', 'error', 'silent'], { default: 'info' }),
  LOG_FORMAT: OneOf<LogFormat[]>(['json', 'pretty'], { default: 'json' }),
  ASSERTION_SECRET: Type.String({ minLength: 32, default: DEVELOPMENT_SECRET }),
  BODY_LIMIT_BYTES: Type.Integer({ minimum: 1_024, maximum: 16_777_216, default: 262_144 }),
  SHUTDOWN_GRACE_MS: Type.Integer({ minimum: 0, maximum: 300_000, default: 10_000 }),
  KAFKA_BROKERS: Type.Optional(Type.String()),
  KAFKA_TOPIC_PREFIX: Type.String({ default: '' }),
  KAFKA_SSL: Type.Boolean({ default: false }),
  KAFKA_SASL_MECHANISM: Type.Optional(OneOf(['plain', 'scram-sha-256', 'scram-sha-512'])),
  KAFKA_SASL_USERNAME: Type.Optional(Type.String()),
  KAFKA_SASL_PASSWORD: Type.Optional(Type.String()),
}

const CommonSchema = Type.Object(CommonEnv)
export type CommonSettings = Static<typeof CommonSchema>
