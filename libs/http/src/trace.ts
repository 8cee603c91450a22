import { randomFillSync } from 'node:crypto'

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(?:-.*)?$/

/**
 * Continues a W3C trace: the same trace id and flags with a span id of our own, or a new trace when what came is no
 * `traceparent` (the specification says to start anew then).
 */
export function continueTrace(traceparent: string | undefined): string {
  const [, traceId, flags] = (traceparent && TRACEPARENT.exec(traceparent)) || []
  return `00-${traceId ?? newSpanId() + newSpanId()}-${newSpanId()}-${flags ?? '01'}`
}

const SPAN_BYTES = 8
// Drawn for many spans at a time: each call into the generator costs more than all the rest here.
const pool = Buffer.alloc(512 * SPAN_BYTES)
let used = pool.length

function newSpanId(): string {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += SPAN_BYTES
  return pool.toString('hex', used - SPAN_BYTES, used)
}

const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/

/** A request id that may be logged and echoed; anything else is replaced by the caller. */
export function acceptRequestId(requestId: string | undefined): string | undefined {
  return requestId !== undefined && REQUEST_ID.test(requestId) ? requestId : undefined
}
