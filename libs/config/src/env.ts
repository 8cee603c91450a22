import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import type { Static, TObject } from 'typebox'

/** The process environment, or a part of it made up by a test. */
export type Environment = Record<string, string | undefined>

/**
 * Reads and checks the environment against `schema`, once, when a process starts.
 *
 * Values are coerced from text; an empty variable counts as absent, so that its default applies.
 * Every fault is reported in one message that names the variables and never prints a value.
 *
 * @throws Error naming each variable that is missing or wrong
 */
export function readEnv<T extends TObject>(env: Environment, schema: T): Static<T> {
  const ajv = new Ajv({ allErrors: true, coerceTypes: true, useDefaults: true })
  addFormats.default(ajv)
  const values: Record<string, unknown> = {}
  for (const name of Object.keys(schema.properties)) {
    if (env[name] !== undefined && env[name] !== '') values[name] = env[name]
  }
  const validate = ajv.compile<Static<T>>(schema)
  if (validate(values)) return values
  const faults = (validate.errors ?? []).map((error) => {
    const name = error.params.missingProperty ?? error.instancePath.split('/')[1]
    return error.keyword === 'required' ? `${name} is missing` : `${name} ${error.message}`
  })
  throw new Error(`The environment is not usable: ${[...new Set(faults)].join('; ')}.`)
}

/** A value that is only good for development; in production it has to be replaced. */
export const DEVELOPMENT_SECRET = 'development-only-secret-0123456789abcdef'

/**
 * Refuses secrets that anybody could know.
 *
 * @throws Error naming each variable that still has the development value while `NODE_ENV` is `production`
 */
export function requireOwnSecrets(env: Environment, secrets: Record<string, string>): void {
  if (env.NODE_ENV !== 'production') return
  const names = Object.entries(secrets).filter(([, value]) => value === DEVELOPMENT_SECRET)
  if (names.length === 0) return
  throw new Error(`In production these secrets must be given: ${names.map(([name]) => name).join(', ')}.`)
}
