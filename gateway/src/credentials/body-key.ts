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

/**
 * Takes the `apikey` out of a form or a JSON body, which may have single quotes; what has none stays as it is.
 *
 * @throws DomainError `validation` for JSON that cannot be read, and so not be cleaned; `unauthorized` for several keys
 */
export function takeBodyKey(headers: IncomingHttpHeaders, body: Buffer): KeylessBody {
  const text = body.toString()
  if (!MAY_HAVE_KEY.test(text)) return { body }
  const type = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase()
  if (type === 'application/x-www-form-urlencoded') {
    const { rest, apiKey } = withoutApiKey(text)
    return { body: Buffer.from(rest), apiKey }
  }
  return type?.endsWith('json') ? fromJson(text, body) : { body }
}

function fromJson(text: string, body: Buffer): KeylessBody {
  const value = parseLooseJson(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { body }
  const entries = Object.entries(value)
  const rest = entries.filter(([name]) => name.trim().toLowerCase() !== 'apikey')
  if (rest.length === entries.length) return { body }
  const apiKey = entries.find(([name]) => name === 'apikey')?.[1]
  return {
    body: Buffer.from(JSON.stringify(Object.fromEntries(rest))),
    apiKey: apiKey == null ? undefined : String(apiKey),
  }
}
