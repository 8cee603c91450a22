/** Every code an answer's error can carry, with its status. They are part of the public API. */
export const ERROR_STATUS = {
  validation: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  gone: 410,
  payload_too_large: 413,
  unsupported_media_type: 415,
  rate_limited: 429,
  internal: 500,
  unavailable: 503,
} as const

export type ErrorCode = keyof typeof ERROR_STATUS

/** Extras of a refusal that a few cases need. */
export interface DomainErrorOptions extends ErrorOptions {
  /** One entry for each thing that is wrong; the message alone when absent. */
  messages?: string[]
  /** Headers of the answer, such as `Retry-After`. */
  headers?: Record<string, string>
  /** Where the code's own status is not the fitting one: 504 for an upstream that is too slow. */
  status?: number
}

/** An expected refusal, safe to show to the caller. Every other error is a bug or an outage. */
export class DomainError extends Error {
  override readonly name = 'DomainError'
  readonly code: ErrorCode
  readonly status: number
  readonly messages: string[]
  readonly headers: Record<string, string>

  constructor(code: ErrorCode, message: string, options: DomainErrorOptions = {}) {
    super(message, options)
    this.code = code
    this.status = options.status ?? ERROR_STATUS[code]
    this.messages = options.messages ?? [message]
    this.headers = options.headers ?? {}
  }
}

/** The body of every error answer: an entry for each thing that is wrong. */
export interface ErrorBody {
  errors: { code: ErrorCode; message: string; endpoint: string; requestId: string }[]
}

/**
 * @param endpoint method and path as they were asked for, such as `POST /groups`
 */
export function errorBody(error: DomainError, endpoint: string, requestId: string): ErrorBody {
  return { errors: error.messages.map((message) => ({ code: error.code, message, endpoint, requestId })) }
}
