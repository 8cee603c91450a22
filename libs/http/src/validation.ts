import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import addFormats from 'ajv-formats'
import type { Static, TSchema } from 'typebox'
import { DomainError } from './errors.ts'

const common = { allErrors: true, strict: true, strictTypes: false, useDefaults: true } as const
// Bodies are typed by JSON itself. Text from a path or a query is coerced; a repeated parameter is an array and fails.
const strictAjv = new Ajv({ ...common })
const coercingAjv = new Ajv({ ...common, coerceTypes: true })
addFormats.default(strictAjv)
addFormats.default(coercingAjv)

/** Where an input came from: it begins the message, so that the client finds the field. */
export type InputPart = 'path' | 'query' | 'header' | 'body'

/**
 * Compiles a check of an input, once. The check returns the typed input, with defaults filled in.
 *
 * @param areTexts whether numbers and the like may come as texts; a body is typed by JSON itself, unless it is a form
 * @throws DomainError `validation`, with one message for each fault, such as `body.name must have …`
 */
export function compileInput<T extends TSchema>(
  schema: T,
  part: InputPart,
  areTexts = part !== 'body',
): (input: unknown) => Static<T> {
  const validate = (areTexts ? coercingAjv : strictAjv).compile<Static<T>>(schema)
  return (input) => {
    refuseUnkeepable(input, part)
    if (validate(input)) {
      if (areTexts) refuseInfinite(input, part)
      return input
    }
    const errors = (validate.errors ?? []).slice(0, MOST_ERRORS)
    const messages = [...new Set(errors.map((error) => describe(error, part)))].slice(0, MOST_MESSAGES)
    throw new DomainError('validation', 'The input is not valid.', { messages })
  }
}

/** Of all errors, how many are looked at, and told. */
const MOST_ERRORS = 1_000
const MOST_MESSAGES = 20

/** Compiles a check that answers with the faults instead of throwing; for shapes that we produce. */
export function compileOutput(schema: TSchema): (output: unknown) => string[] {
  const validate: ValidateFunction = strictAjv.compile(schema)
  return (output) => (validate(output) ? [] : (validate.errors ?? []).map((error) => describe(error, 'body')))
}

function describe(error: ErrorObject, part: InputPart): string {
  const path = error.instancePath.split('/').slice(1)
  if (error.keyword === 'required') path.push(String(error.params.missingProperty))
  const field = [part, ...path].join('.')
  if (error.keyword === 'required') return `${field} is missing`
  if (error.keyword === 'enum') return `${field} must be one of ${error.params.allowedValues.join(', ')}`
  return `${field} ${error.message}`
}

/** Ajv turns the text `1e999` into Infinity and then holds it against no limit. */
function refuseInfinite(input: unknown, part: InputPart): void {
  const rest: [path: string, value: unknown][] = [[part, input]]
  for (let next = rest.pop(); next; next = rest.pop()) {
    const [path, value] = next
    if (value === Infinity || value === -Infinity) {
      throw new DomainError('validation', `${path} must be a finite number`)
    }
    if (value === null || typeof value !== 'object') continue
    for (const [name, item] of Object.entries(value)) rest.push([`${path}.${name}`, item])
  }
}

/** A check takes time for each value and memory for each fault: a few MiB of nothing but small ones would take seconds. */
const MOST_VALUES = 100_000

/**
 * Refuses more values than anybody needs, and texts that cannot be kept: PostgreSQL has none with a NUL in it, and neither
 * its JSON nor UTF-8 has half a surrogate pair. The walk is a loop: nesting can be deep.
 */
function refuseUnkeepable(input: unknown, part: InputPart): void {
  const rest: unknown[] = [input]
  for (let seen = 0; rest.length > 0; seen++) {
    if (seen + rest.length > MOST_VALUES) throw new DomainError('validation', `${part} has too many values`)
    const value = rest.pop()
    if (typeof value === 'string') requireKeepable(value, part)
    if (value === null || typeof value !== 'object') continue
    if (Array.isArray(value)) {
      for (const item of value) rest.push(item)
      continue
    }
    for (const [name, item] of Object.entries(value)) {
      requireKeepable(name, part)
      rest.push(item)
    }
  }
}

function requireKeepable(text: string, part: InputPart): void {
  if (text.includes('\0')) throw new DomainError('validation', `${part} must not contain a NUL character`)
  if (!text.isWellFormed()) throw new DomainError('validation', `${part} must not contain half a surrogate pair`)
}
