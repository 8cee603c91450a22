import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { isUnavailable } from '@platform/db/database.ts'
import type { Logger } from '@platform/log/logger.ts'
import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
  type Response,
} from 'express'
import { ANONYMOUS_CALLER, type Caller } from './assertion.ts'
import { bodyTag } from './body-tag.ts'
import { DomainError, errorBody } from './errors.ts'
import { bodyParser, requireJson } from './json-body.ts'
import type { HttpMetrics } from './metrics.ts'
import type { AnyReply, Route, RouteDefinition, RouteRequest } from './route.ts'
import { acceptRequestId, continueTrace } from './trace.ts'
import { compileInput, compileOutput } from './validation.ts'

/** What every request has from its first moment. */
export interface RequestContext {
  requestId: string
  traceparent: string
  log: Logger
}

/** Finds out who calls, or throws `unauthorized`. */
export type Authenticate = (
  req: Request,
  context: RequestContext,
  definition: RouteDefinition,
) => Caller | Promise<Caller>

/** Another way of passing parameters and of telling errors than the contract's own, for a part of the API. */
export interface Dialect {
  /**
   * Leaves the parameters in `req.body`, where they may be texts; may change the method and the path, since it comes
   * before a route is looked for.
   */
  read: RequestHandler
  /** Whether some parameters of a request that was read may be texts that stand for numbers and the like. */
  areTexts(req: Request): boolean
  writeError(error: DomainError, req: Request, res: Response): void | Promise<void>
}

export interface MountOptions {
  authenticate: Authenticate
  metrics: HttpMetrics
  /** Largest body in bytes. */
  bodyLimit: number
  /** Holds every reply against its definition and answers 500 where it does not fit: for tests and development. */
  checkReplies: boolean
  dialect?: Dialect
}

declare module 'node:http' {
  interface IncomingMessage {
    /** Set by `requestContext`. A field costs a request nothing; a WeakMap beside it costs the garbage collector a lot. */
    context?: RequestContext
    /** Set once it is known who calls. */
    caller?: Caller
  }
}

/** The context of a request that went through `requestContext`. */
export function contextOf({ context }: IncomingMessage): RequestContext {
  if (!context) throw new Error('The request has no context: requestContext() has to come first.')
  return context
}

/** Its logger is made when something is logged: most requests have nothing to say. */
class LazyContext implements RequestContext {
  readonly requestId: string
  readonly traceparent: string
  readonly #base: Logger
  #log: Logger | undefined

  constructor(req: Request, base: Logger) {
    this.requestId = acceptRequestId(req.get('x-request-id')) ?? randomUUID()
    this.traceparent = continueTrace(req.get('traceparent'))
    this.#base = base
  }

  get log(): Logger {
    this.#log ??= this.#base.child({ requestId: this.requestId })
    return this.#log
  }
}

/** An Express app with nothing in it that tells about itself, and exact paths. */
export function bareApp(): Express {
  const app = express()
  app.disable('x-powered-by')
  app.set('etag', false)
  app.set('case sensitive routing', true)
  app.set('strict routing', true)
  app.set('query parser', 'simple')
  return app
}

/** Gives each request its id, its trace and its logger, and each answer `x-request-id`. */
export function requestContext(log: Logger): RequestHandler {
  return (req, res, next) => {
    req.context = new LazyContext(req, log)
    res.setHeader('x-request-id', req.context.requestId)
    next()
  }
}

/** Mounts routes in order. Each checks, in turn: credential, scope and role, body's form, path, query, body. */
export function mountRoutes(app: Express, routes: Route[], options: MountOptions): void {
  const parseBody = bodyParser(options.bodyLimit)
  if (options.dialect) app.use(options.dialect.read)
  for (const route of routes) {
    const { definition } = route
    const path = definition.path.replaceAll(/\{(\w+)\}/g, ':$1')
    const steps = [options.metrics.observe(definition.path), authenticated(definition, options.authenticate)]
    if (definition.body && !options.dialect) steps.push(requireJson, parseBody)
    app[definition.method](path, ...steps, answering(route, options))
  }
}

function authenticated(definition: RouteDefinition, authenticate: Authenticate): RequestHandler {
  const { access } = definition
  if (access === 'everyone') return (_req, _res, next) => next()
  return async (req, _res, next) => {
    const caller = await authenticate(req, contextOf(req), definition)
    if (caller.scopes && !caller.scopes.includes(access.scope)) {
      throw new DomainError('forbidden', `The key has no scope ${access.scope}.`)
    }
    if (access.roles && !access.roles.some((role) => caller.roles.includes(role))) {
      throw new DomainError('forbidden', 'Your role does not allow this.')
    }
    req.caller = caller
    next()
  }
}

/**
 * A request after its checks; what few handlers ask for is found out when they do. It is a class, since V8 takes a getter
 * that is written into an object for a thing that lives long, and keeps all that it can see until a full garbage
 * collection.
 */
class CheckedRequest implements RouteRequest<unknown, unknown, unknown> {
  readonly params: unknown
  readonly query: unknown
  readonly body: unknown
  readonly caller: Caller
  readonly headers: Record<string, string | undefined>
  readonly method: string
  readonly path: string
  readonly requestId: string
  readonly traceparent: string
  readonly #req: Request

  constructor(req: Request, { params, query, body }: { params: unknown; query: unknown; body: unknown }) {
    const { requestId, traceparent } = contextOf(req)
    this.params = params
    this.query = query
    this.body = body
    this.caller = req.caller ?? ANONYMOUS_CALLER
    this.headers = req.headers as Record<string, string | undefined>
    this.method = req.method
    this.path = req.originalUrl
    this.requestId = requestId
    this.traceparent = traceparent
    this.#req = req
  }

  get address(): string {
    return this.#req.ip ?? ''
  }

  get log(): Logger {
    return contextOf(this.#req).log
  }
}

function answering(route: Route, { checkReplies, dialect }: MountOptions): RequestHandler {
  const { params, query, body, responses, hasETag } = route.definition
  const readParams = params && compileInput(params, 'path')
  const readQuery = query && compileInput(query, 'query')
  const readBody = body && compileInput(body, 'body')
  const readTexts = body && dialect && compileInput(body, 'body', true)
  const checkReply = checkReplies ? replyChecker(route) : undefined
  return async (req, res) => {
    const request = new CheckedRequest(req, {
      params: readParams?.(req.params),
      query: readQuery?.({ ...req.query }),
      body: (dialect?.areTexts(req) ? readTexts : readBody)?.(req.body),
    })
    const reply = await route.handle(request)
    checkReply?.(reply)
    if (reply.headers) res.set(reply.headers)
    res.status(reply.status)
    if (responses[reply.status] === null) return void res.end()
    const text = JSON.stringify(reply.body)
    if (hasETag) {
      if (!res.hasHeader('ETag')) res.setHeader('ETag', bodyTag(text))
      // A GET that names the tag in `If-None-Match`.
      if (req.fresh) return void res.status(304).end()
    }
    endWithJson(res, text)
  }
}

/** What Express does with JSON, without looking for what nobody set: half as fast again. */
function endWithJson(res: Response, text: string): void {
  res.setHeader('Content-Type', 'application/json; charset=utf-8')
  res.setHeader('Content-Length', Buffer.byteLength(text))
  res.end(text)
}

function replyChecker({ definition }: Route): (reply: AnyReply) => void {
  const checks = new Map(
    Object.entries(definition.responses).map(([status, schema]) => [Number(status), schema && compileOutput(schema)]),
  )
  return (reply) => {
    const check = checks.get(reply.status)
    if (check === undefined) throw new Error(`${definition.operationId} has no reply with status ${reply.status}.`)
    // What counts is what goes over the wire: dates are texts there, and undefined fields are gone.
    const faults = check?.(JSON.parse(JSON.stringify(reply.body ?? null))) ?? []
    if (faults.length > 0)
      throw new Error(`${definition.operationId} gave a reply of another shape: ${faults.join('; ')}`)
  }
}

/** The answer for whatever no route took. The verbs that the path does have are in `Allow`. */
export function notFound(routes: Route[]): RequestHandler {
  const patterns = routes.map(({ definition }) => ({
    method: definition.method.toUpperCase(),
    pattern: new RegExp(`^${definition.path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`),
  }))
  return (req, res) => {
    const allowed = patterns.filter(({ pattern }) => pattern.test(req.path)).map(({ method }) => method)
    if (allowed.length > 0) res.setHeader('Allow', allowed.join(', '))
    throw new DomainError('not_found', `There is no ${req.method.slice(0, 20)} ${shortPath(req)}.`)
  }
}

const shortPath = (req: Request): string => req.originalUrl.split('?', 1)[0]?.slice(0, 200) ?? '/'

/**
 * Turns whatever was thrown into the answer of the contract. Refusals log at `info`; a fault logs once, here, with its
 * stack, and its answer tells nothing of it.
 *
 * @param write for a part of the API that has another form of errors; the default is the contract's own
 */
export function errorHandler(write: Dialect['writeError'] = writeError): ErrorRequestHandler {
  return (error, req, res, _next) => {
    const refusal = asRefusal(error)
    logRefusal(contextOf(req).log, { method: req.method, path: shortPath(req) }, refusal, error)
    if (res.headersSent) return void res.destroy()
    void write(refusal, req, res)
  }
}

/** Says once, at the edge, why a request was not done: a refusal in a line, a fault with its stack. */
export function logRefusal(
  log: Logger,
  place: { method: string; path: string },
  refusal: DomainError,
  error: unknown,
): void {
  if (refusal.status === 500) log.error('request failed', { ...place, error })
  else if (refusal.status >= 503) log.warn('request could not be served', { ...place, error })
  else log.info('request refused', { ...place, status: refusal.status, reason: refusal.messages[0] })
}

export function writeError(error: DomainError, req: Request, res: Response): void {
  const endpoint = `${req.method} ${shortPath(req)}`
  res
    .status(error.status)
    .set(error.headers)
    .json(errorBody(error, endpoint, contextOf(req).requestId))
}

const UNREADABLE: Record<string, DomainError> = {
  'entity.too.large': new DomainError('payload_too_large', 'The body is too large.'),
  'encoding.unsupported': new DomainError('unsupported_media_type', 'A compressed body is not accepted.'),
  'charset.unsupported': new DomainError('unsupported_media_type', 'The body has to be UTF-8.'),
}

/** What Express, its body parser or the database throw, as the refusal that a client should see. */
export function asRefusal(error: unknown): DomainError {
  if (error instanceof DomainError) return error
  const { type, status, code } = (error ?? {}) as { type?: string; status?: number; code?: string }
  const unreadable = type && UNREADABLE[type]
  if (unreadable) return unreadable
  if (type === 'entity.parse.failed') return new DomainError('validation', 'body is not valid JSON')
  if (status === 400) return new DomainError('validation', 'The request cannot be read.')
  if (isUnavailable(error) || code === '57014') {
    const headers = { 'Retry-After': '1' }
    return new DomainError('unavailable', 'The service is not available at the moment.', { headers, cause: error })
  }
  return new DomainError('internal', 'Something went wrong on our side.', { cause: error })
}
