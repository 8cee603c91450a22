import { DomainError } from '@platform/http/errors.ts'

/** Parameters as a client passed them: texts from a query or a form, any JSON from a JSON body. */
export interface Parameters {
  [name: string]: unknown
}

const MAX_PARAMETERS = 2_000
const MAX_DEPTH = 5
const NAME = /^([^[\]]+)((?:\[[^[\]]*\])*)$/

/** No prototype: a parameter called `__proto__` is a name like any other. */
const empty = (): Parameters => Object.create(null)

const isNested = (value: unknown): value is Parameters =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * Reads a query or a form in the bracket style of Rails: `job[at]=…&job[headers][X-A]=…`. Of a name that is there twice
 * the last one counts.
 *
 * @param text without a leading `?`
 * @throws DomainError `validation`
 */
export function parseBracketed(text: string): Parameters {
  const parameters = empty()
  let count = 0
  for (const part of text.split('&')) {
    if (part === '') continue
    if (++count > MAX_PARAMETERS) throw new DomainError('validation', 'There are too many parameters.')
    const at = part.indexOf('=')
    const name = decode(at === -1 ? part : part.slice(0, at))
    assign(parameters, pathOf(name), at === -1 ? '' : decode(part.slice(at + 1)))
  }
  return parameters
}

/** `job[headers][X-A]` → its three names; a name with odd brackets is one name. */
function pathOf(name: string): string[] {
  const [, first, brackets = ''] = NAME.exec(name) ?? []
  if (first === undefined || brackets === '') return [name]
  return [first, ...brackets.slice(1, -1).split('][')].slice(0, MAX_DEPTH)
}

function assign(parameters: Parameters, path: string[], value: string): void {
  let target = parameters
  for (const name of path.slice(0, -1)) {
    const inner = target[name]
    if (isNested(inner)) {
      target = inner
      continue
    }
    const made = empty()
    target[name] = made
    target = made
  }
  target[path.at(-1) ?? ''] = value
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    throw new DomainError('validation', 'The parameters are not valid UTF-8 in percent-encoding.')
  }
}

/** Puts what came in two ways together, a level deep; of what came twice, the first one's counts. */
export function merge(first: Parameters, second: Parameters): Parameters {
  const merged = empty()
  for (const name of new Set([...Object.keys(second), ...Object.keys(first)])) {
    const [a, b] = [first[name], second[name]]
    merged[name] = isNested(a) && isNested(b) ? Object.assign(empty(), b, a) : (a ?? b)
  }
  return merged
}
