import { DomainError, type ErrorCode } from '@platform/http/errors.ts'
import type { Request, Response } from 'express'

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
export function refusalBody(error: DomainError): { error: Faults } {
  if (error instanceof ParameterError) return { error: error.faults }
  if (error.code !== 'validation') return { error: { [PLACE[error.code] ?? 'request']: error.message } }
  const faults: Faults = {}
  // A message of the route library begins with the place: `body.job.limit must be integer`.
  for (const message of error.messages) {
    const [where = '', ...what] = message.split(' ')
    faults[parameterAt(where)] ??= `Invalid parameter.  It ${what.join(' ')}.`
  }
  return { error: faults }
}

/** `body.job.limit` → `limit`, `body.jobs.3.uri` → `jobs[3][uri]`, `query.page` → `page`. */
function parameterAt(where: string): string {
  const [part = '', first, ...rest] = where.split('.')
  if (first === undefined) return part
  const names = first === 'job' && rest.length > 0 ? rest : [first, ...rest]
  return names.map((name, i) => (i === 0 ? name : `[${name}]`)).join('')
}

/**
 * Writes refusals in the form of this API.
 *
 * @param answersWith200 whether the caller's account wants its errors with status 200
 */
export function writeRefusal(answersWith200: (req: Request) => Promise<boolean>) {
  return async (error: DomainError, req: Request, res: Response): Promise<void> => {
    const isLegacy = error.status < 500 && (await answersWith200(req))
    if (res.headersSent) return
    res
      .status(isLegacy ? 200 : error.status)
      .set(error.headers)
      .json(refusalBody(error))
  }
}
