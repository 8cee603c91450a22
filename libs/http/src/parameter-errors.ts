import { DomainError, type ErrorCode } from './errors.ts'

/** What is wrong, by parameter: the order is the one in which it is told. */
export type Faults = Record<string, string>

/** Parameters that cannot be taken; each with the message that clients have known since the first version. */
export class ParameterError extends DomainError {
  readonly faults: Faults

  constructor(faults: Faults, code: ErrorCode = 'validation') {
    super(code, 'The parameters are not valid.', { messages: Object.values(faults) })
    this.faults = faults
  }
}

/** What a refusal that is about no single parameter is told under. */
const PLACE: Partial<Record<ErrorCode, string>> = {
  unauthorized: 'apikey',
  forbidden: 'apikey',
  not_found: 'id',
  conflict: 'job',
  payload_too_large: 'body',
  unsupported_media_type: 'body',
}

/** The body of a refusal: every fault at once, by parameter. */
export function parameterErrorBody(error: DomainError): { error: Faults } {
  if (error instanceof ParameterError) return { error: error.faults }
  if (error.code !== 'validation') return { error: { [PLACE[error.code] ?? 'request']: error.message } }
  const faults: Faults = {}
  for (const message of error.messages) {
    const [, where, what] = AT_PLACE.exec(message) ?? []
    if (where === undefined) faults.request ??= message
    else faults[parameterAt(where)] ??= `Invalid parameter.  It ${what}.`
  }
  return { error: faults }
}

// A message of the route library begins with the place: `body.job.limit must be integer`.
const AT_PLACE = /^((?:body|query|path|header)(?:\.\S*)?) (.*)$/s

/** `body.job.limit` → `limit`, `body.jobs.3.uri` → `jobs[3][uri]`, `query.page` → `page`. */
function parameterAt(where: string): string {
  const [part = '', first, ...rest] = where.split('.')
  if (first === undefined) return part
  const names = first === 'job' && rest.length > 0 ? rest : [first, ...rest]
  return names.map((name, i) => (i === 0 ? name : `[${name}]`)).join('')
}
