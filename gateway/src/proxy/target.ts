import { DomainError } from '@platform/http/errors.ts'

/** What a client asked for, taken apart. */
export interface Target {
  /** Plain segments, without a query. */
  path: string
  /** With its `?`, without any API key; empty when there is none. */
  query: string
  /** From the query's `apikey`. */
  apiKey?: string
}

// Whatever two parsers could read in two ways is left out: encodings, empty and dot segments, backslashes, semicolons.
const PLAIN_PATH = /^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._~:@-]+)*\/?$/
const PLAIN_QUERY = /^[\x21\x22\x24-\x7e]*$/

/**
 * Reads the request target. Only the plain origin form passes: no absolute form, nothing encoded in the path.
 *
 * @throws DomainError `validation`
 */
export function readTarget(url: string): Target {
  const at = url.indexOf('?')
  const path = at === -1 ? url : url.slice(0, at)
  if (!url.startsWith('/') || !PLAIN_PATH.test(path)) {
    throw new DomainError('validation', 'The path has to be a plain one, with nothing encoded in it.')
  }
  if (at === -1) return { path, query: '' }
  const query = url.slice(at)
  if (!PLAIN_QUERY.test(query)) throw new DomainError('validation', 'The query has to be percent-encoded ASCII.')
  // Only a name with 'api' in it, or with something encoded, can be the parameter that has to go.
  return /api|%[67]|%[45]/i.test(query) ? takeApiKey(path, query) : { path, query }
}

function takeApiKey(path: string, query: string): Target {
  const { rest, apiKey } = withoutApiKey(query.slice(1))
  return { path, query: rest === '' ? '' : `?${rest}`, apiKey }
}

/**
 * A query's or a form's parameters without any spelling of the API key, and the key: only the exact spelling counts.
 *
 * @throws DomainError `unauthorized` when there are several
 */
export function withoutApiKey(parameters: string): { rest: string; apiKey?: string } {
  const keys: string[] = []
  const rest: string[] = []
  for (const part of parameters.split('&')) {
    const [name = '', ...value] = part.split('=')
    const decoded = decode(name)
    if (decoded === 'apikey') keys.push(decode(value.join('=')))
    else if (!/^\s*apikey\s*(?:\[|$)/i.test(decoded)) rest.push(part)
  }
  if (keys.length > 1) throw new DomainError('unauthorized', 'There are several API keys.')
  return { rest: rest.join('&'), apiKey: keys[0] }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}
