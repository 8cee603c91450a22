import { isUtf8 } from 'node:buffer'
import { jobBodyLimit } from '@platform/contracts/scheduler.ts'
import { DomainError } from '@platform/http/errors.ts'
import { parseLooseJson } from '@platform/http/loose-json.ts'
import { ParameterError } from '@platform/http/parameter-errors.ts'
import type { Request, RequestHandler } from 'express'
import { merge, type Parameters, parseBracketed } from './parameters.ts'

const METHODS = ['PUT', 'DELETE']
const withTexts = new WeakSet<Request>()

/** Whether some of a request's parameters came in its query or in a form. */
export const areTexts = (req: Request): boolean => withTexts.has(req)

/**
 * Brings every way of asking into one: the parameters of query and body together in `req.body`, the path with its
 * `.json`, and the method that a POST names in `_method`. Routes and their checks begin after that.
 *
 * @param usualLimit of the body, in bytes; a batch may be larger
 */
export function readParameters(usualLimit: number): RequestHandler {
  return async (req, _res, next) => {
    const { pathname, query } = split(req.url)
    req.url = `${pathname.endsWith('.json') ? pathname : `${pathname}.json`}${query && `?${withoutEmpty(query)}`}`
    if (req.method === 'GET' || req.method === 'HEAD') return next()
    const limit = jobBodyLimit(pathname, req.get('content-type'), usualLimit)
    const inBody = parseBody(req, await readBody(req, limit))
    if (query !== '' || isForm(req)) withTexts.add(req)
    const parameters = merge(parseBracketed(query), inBody)
    const { _method: method, apikey: _, ...rest } = parameters
    if (method !== undefined && req.method === 'POST') req.method = readMethod(method)
    req.body = rest
    next()
  }
}

function split(url: string): { pathname: string; query: string } {
  const at = url.indexOf('?')
  return at === -1 ? { pathname: url, query: '' } : { pathname: url.slice(0, at), query: url.slice(at + 1) }
}

/** `page=&limit=` says nothing of pages. */
const withoutEmpty = (query: string) =>
  query
    .split('&')
    .filter((part) => !part.endsWith('='))
    .join('&')

function readMethod(method: unknown): string {
  const name = String(method).toUpperCase()
  if (name === 'POST' || METHODS.includes(name)) return name
  throw new ParameterError({ _method: `Invalid parameter.  ${METHODS.join(', ')}` })
}

async function readBody(req: Request, limit: number): Promise<Buffer> {
  const tooLarge = () => new DomainError('payload_too_large', 'The body is too large.')
  if (Number(req.get('content-length') ?? 0) > limit) throw tooLarge()
  const encoding = req.get('content-encoding') ?? 'identity'
  if (encoding !== 'identity') {
    throw new DomainError('unsupported_media_type', 'A compressed body is not accepted.')
  }
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > limit) throw tooLarge()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

const typeOf = (req: Request) => (req.get('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase()
const isForm = (req: Request) => typeOf(req) === 'application/x-www-form-urlencoded'

const CHARSET = /;\s*charset\s*=\s*"?([^\s;"]+)/i

function parseBody(req: Request, bytes: Buffer): Parameters {
  if (bytes.length === 0) return {}
  const type = req.get('content-type') ?? ''
  const charset = CHARSET.exec(type)?.[1]?.toLowerCase() ?? 'utf-8'
  if (charset !== 'utf-8' && charset !== 'utf8' && charset !== 'us-ascii') {
    throw new DomainError('unsupported_media_type', 'The body has to be UTF-8.')
  }
  if (!isUtf8(bytes)) throw new DomainError('validation', 'body is not valid UTF-8')
  const text = bytes.toString()
  const name = typeOf(req)
  if (name === 'application/json' || name === 'text/json') return parseJson(text)
  if (isForm(req)) return parseBracketed(text)
  throw new DomainError('unsupported_media_type', 'The body has to be application/json or a form.')
}

function parseJson(text: string): Parameters {
  const value = parseLooseJson(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new DomainError('validation', 'body has to be a JSON object')
  }
  return withoutNulls({ ...value })
}

/** Clients write null for what they have nothing to say about: of the request, of a job, of each of many. */
function withoutNulls(parameters: Parameters): Parameters {
  const { job, jobs, ...others } = Object.fromEntries(Object.entries(parameters).filter(([, value]) => value !== null))
  return {
    ...others,
    ...(job !== undefined && { job: known(job) }),
    ...(jobs !== undefined && { jobs: Array.isArray(jobs) ? jobs.map(known) : jobs }),
  }
}

function known(job: unknown): unknown {
  if (typeof job !== 'object' || job === null || Array.isArray(job)) return job
  return Object.fromEntries(Object.entries(job).filter(([, value]) => value !== null))
}
