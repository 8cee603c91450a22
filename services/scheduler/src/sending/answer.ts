/** How a request went. Instants are on the engine's clock. */
export interface Sent {
  sentAt: Date
  firstByteAt: Date | null
  endedAt: Date
  /** Of the peer that it was sent to; null when it was not sent. */
  address: string | null
  result: SendResult
}

export type SendResult =
  | Answer
  /** There was no answer, or it broke off. */
  | { kind: 'failed'; error: string }
  /** The target is none that may be reached. */
  | { kind: 'refused'; error: string }
  /** It was under way when its sender vanished or gave it up. */
  | { kind: 'unknown'; error: string }

/** An answer, with as much of its body as is kept. */
export interface Answer {
  kind: 'answer'
  statusCode: number
  headers: Record<string, string | string[]>
  body: Buffer
  /** There was more of the body. */
  isTruncated: boolean
}

/** A 2xx, and nothing else: redirects are not followed. */
export function isSuccess(result: SendResult): boolean {
  return result.kind === 'answer' && result.statusCode >= 200 && result.statusCode < 300
}

export function headerOf({ headers }: Answer, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value[0] : value
}
