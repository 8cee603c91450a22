import { signatureOf } from './signature.ts'

/** What is to be sent, as it is stored. */
export interface RequestPlan {
  /** The same at every attempt of a run: the receiver's means against doing a thing twice. */
  id: string
  method: string
  uri: string
  headers: Record<string, string> | null
  body: string | null
  dueAt: Date
  /** From 1. */
  attempt: number
  /** The current one first; empty: unsigned. */
  secrets: string[]
}

/** A request, ready to be sent. */
export interface OutgoingRequest {
  method: string
  uri: string
  headers: Record<string, string>
  body: string | null
}

/** The exact request of one attempt: what its owner wants, our own headers, and the signature. */
export function buildRequest(plan: RequestPlan, now: Date): OutgoingRequest {
  const { id, method, uri, body, secrets } = plan
  const timestamp = String(Math.floor(now.getTime() / 1_000))
  const names = new Set(Object.keys(plan.headers ?? {}).map((name) => name.toLowerCase()))
  const headers: Record<string, string> = { ...plan.headers }
  const offer = (name: string, value: string) => {
    if (!names.has(name)) headers[name] = value
  }
  offer('user-agent', 'Scheduler/1.0')
  offer('accept', '*/*')
  if (body !== null) offer('content-type', isJson(body) ? 'application/json' : 'text/plain; charset=utf-8')
  // What comes back is kept as it is, so it must not be packed.
  headers['accept-encoding'] = 'identity'
  headers['webhook-id'] = id
  headers['webhook-timestamp'] = timestamp
  headers['webhook-attempt'] = String(plan.attempt)
  headers['webhook-scheduled-at'] = plan.dueAt.toISOString()
  if (secrets.length > 0) headers['webhook-signature'] = signatureOf(secrets, id, timestamp, body ?? '')
  return { method, uri, headers, body }
}

function isJson(text: string): boolean {
  if (!/^\s*[[{]/.test(text)) return false
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** Stable over the attempts of a run, and another one for each run and for its callbacks. */
export function requestId(jobId: string, run: number, callbackId: number | null): string {
  return callbackId === null ? `job_${jobId}_${run}` : `callback_${jobId}_${callbackId}`
}
