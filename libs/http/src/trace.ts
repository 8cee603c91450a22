import { randomBytes } from 'node:crypto'

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(?:-.*)?$/

/**
 * Continues a W3C trace: the same trace id and flags with a span id of our own, or a new trace when what came is no
 * `traceparent` (the specification says to start anew then).
 */
export function continueTrace(traceparent: string | undefined): string {
  const [, traceId, flags] = (traceparent && TRACEPARENT.exec(traceparent)) || []
  const spanId = randomBytes(8).toString('hex')
  return `00-${traceId ?? randomBytes(16).toString('hex')}-${spanId}-${flags ?? '01'}`
}

const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/

/** A request id that may be logged and echoed; anything else is replaced by the caller. */
export function acceptRequestId(requestId: string | undefined): string | undefined {
  return requestId !== undefined && REQUEST_ID.test(requestId) ? requestId : undefined
}
