import { Ajv, type ValidateFunction } from 'ajv'
import addFormats from 'ajv-formats'
import type { Static, TSchema } from 'typebox'
import { InvalidEvent } from './failures.ts'

const ajv = new Ajv({ allErrors: true, strict: true, strictTypes: false })
addFormats.default(ajv)

/** One kind of event: what it is called, where it goes, what it carries. */
export interface EventType<D = unknown> {
  /** `SERVICE.ENTITY.PAST_TENSE`, such as `groups.group.created`. */
  readonly type: string
  /** `SERVICE.ENTITY`; without the prefix that a deployment may put before it. */
  readonly topic: string
  readonly description: string
  /** JSON Schema of the data. */
  readonly schema: TSchema
  /** Address of that schema, as the envelope names it. */
  readonly dataschema: string
  /**
   * Data of this type.
   *
   * @throws InvalidEvent that names each fault
   */
  parse(data: unknown): D
}

/**
 * Defines an event for its publisher and its consumers alike. Its data is checked when it is published and again when
 * it is consumed; properties that the schema does not name are let through, so that a newer publisher can add some.
 */
export function defineEvent<S extends TSchema>(definition: {
  type: string
  topic: string
  description: string
  data: S
}): EventType<Static<S>> {
  const { type, topic, description, data: schema } = definition
  const check = compileLazily<Static<S>>(schema)
  return {
    type,
    topic,
    description,
    schema,
    dataschema: `/schemas/${type}.json`,
    parse: (data) => check(data, type),
  }
}

/** Compiling costs milliseconds, and a process uses few of the types that it imports: so with the first use. */
export function compileLazily<T>(schema: TSchema): (value: unknown, what: string) => T {
  let validate: ValidateFunction<T> | undefined
  return (value, what) => {
    validate ??= ajv.compile<T>(schema)
    if (validate(value)) return value
    const faults = (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath || '/'} ${message}`)
    throw new InvalidEvent(what, faults)
  }
}
