import type { IncomingHttpHeaders } from 'node:http'
import { parseLooseJson } from '@platform/http/loose-json.ts'
import { withoutApiKey } from '../proxy/target.ts'

/** A body without the API key that was in it. */
export interface KeylessBody {
  body: Buffer
  apiKey?: string
}

/** Largest body that is looked through before it is known who sent it, in bytes. */
export const MOST_OF_STRANGERS = 1_048_576

// A key may be written with escapes; a body with neither has none.
const MAY_HAVE_KEY = /apikey|\\|%/i

// What nobody can look through goes nowhere, since a key may be in it. The service gets what it refuses in the same way.
const UNREADABLE = Buffer.from('-')
const NO_OBJECT = Buffer.from('[]')

/**
 * Takes the `apikey` out of a form or a JSON body, which may have single quotes; what has none stays as it is.
 *
 * @param isKnown it is known who asks, without this body
 * @throws DomainError `validation` for JSON of strangers that cannot be read; `unauthorized` for several keys
 */
export function takeBodyKey(headers: IncomingHttpHeaders, body: Buffer, isKnown: boolean): KeylessBody {
  const text = body.toString()
  if (!MAY_HAVE_KEY.test(text)) return { body }
  const type = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase()
  if (type === 'application/x-www-form-urlencoded') {
    const { rest, apiKey } = withoutApiKey(text)
    return { body: Buffer.from(rest), apiKey }
  }
  if (!type?.endsWith('json')) return { body: UNREADABLE }
  try {
    return fromJson(parseLooseJson(text), body)
  } catch (error) {
    if (isKnown) return { body: UNREADABLE }
    throw error
  }
}

function fromJson(value: unknown, body: Buffer): KeylessBody {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { body: NO_OBJECT }
  const entries = Object.entries(value)
  const rest = entries.filter(([name]) => name.trim().toLowerCase() !== 'apikey')
  if (rest.length === entries.length) return { body }
  const apiKey = entries.find(([name]) => name === 'apikey')?.[1]
  return {
    body: Buffer.from(JSON.stringify(Object.fromEntries(rest))),
    apiKey: apiKey == null ? undefined : String(apiKey),
  }
}
