import type { Logger } from '@platform/log/logger.ts'
import type { Static, TObject, TSchema } from 'typebox'
import type { Caller, Issuer, Role } from './assertion.ts'
import type { ErrorCode } from './errors.ts'

/** Statuses of success with the schema of their body; `null`: no body. */
export type Responses = Record<number, TSchema | null>

/** How a route lets callers in; `everyone` needs no credential. */
export type Access = 'everyone' | { roles?: Role[]; scope: string; issuer?: Issuer }

/** A request that is made later, to an address that a client has given. */
export interface OutgoingRequest {
  /** Where the address is, as an OpenAPI runtime expression: `$request.body#/job/uri`. */
  to: string
  summary: string
  headers: TObject
  /** JSON; absent where it is the client's own affair. */
  body?: TSchema
}

/**
 * One route, said once: its checks, the types of its handler, its entry in OpenAPI, and the shape its tests hold its
 * answers against all come from this object.
 */
export interface RouteDefinition<
  P extends TObject = TObject,
  Q extends TObject = TObject,
  B extends TSchema = TSchema,
  R extends Responses = Responses,
> {
  method: 'get' | 'post' | 'put' | 'patch' | 'delete'
  /** OpenAPI style: `/groups/{groupId}`. */
  path: string
  operationId: string
  summary: string
  description?: string
  tag: string
  access: Access
  params?: P
  query?: Q
  body?: B
  responses: R
  /** What it can refuse beyond what every route can (validation, 401, 429, 500, 503). */
  errors?: ErrorCode[]
  /** The body of a refusal, where it is not the contract's own. */
  errorAnswer?: TSchema
  /** Each success carries an `ETag`: the one that the reply names, else one of its body. */
  hasETag?: boolean
  /** Takes `If-Match`; its handler compares. */
  takesIfMatch?: boolean
  /** Its body may also be a form, with names such as `job[at]`, or be left out where the query has it all. */
  takesForms?: boolean
  /** The requests that come of it, by their names. */
  callbacks?: Record<string, OutgoingRequest>
  /** Although it is no GET: an `Idempotency-Key` would mean nothing. */
  changesNothing?: boolean
}

/** A request after its checks. A copy of it (`{ ...request }`) has neither `address` nor `log`. */
export interface RouteRequest<P, Q, B> {
  params: P
  query: Q
  body: B
  caller: Caller
  /** Lower-case names. */
  headers: Record<string, string | undefined>
  method: string
  /** Path with query. */
  path: string
  /** The client's address. */
  address: string
  requestId: string
  traceparent: string
  log: Logger
}

/** A status with its body, as the route's definition has it. */
export type Reply<R extends Responses> = {
  [S in keyof R]: { status: S; headers?: Record<string, string> } & (R[S] extends TSchema
    ? { body: Static<R[S]> }
    : { body?: undefined })
}[keyof R]

/** Any reply: what a route's handler gives, without its type. */
export interface AnyReply {
  status: number
  headers?: Record<string, string>
  body?: unknown
}

type In<T, Else> = T extends TSchema ? Static<T> : Else

export type Handler<P extends TObject, Q extends TObject, B extends TSchema, R extends Responses> = (
  request: RouteRequest<In<P, unknown>, In<Q, unknown>, In<B, unknown>>,
) => Promise<Reply<R>>

/** A definition with what answers it. */
export interface Route {
  definition: RouteDefinition
  handle(request: RouteRequest<unknown, unknown, unknown>): Promise<AnyReply>
}

/** Gives a definition its exact type; nothing happens. */
export function defineRoute<P extends TObject, Q extends TObject, B extends TSchema, R extends Responses>(
  definition: RouteDefinition<P, Q, B, R>,
): RouteDefinition<P, Q, B, R> {
  return definition
}

/** Binds a definition to its handler. The input is checked before the handler sees it, so the types hold. */
export function route<P extends TObject, Q extends TObject, B extends TSchema, R extends Responses>(
  definition: RouteDefinition<P, Q, B, R>,
  handle: Handler<NoInfer<P>, NoInfer<Q>, NoInfer<B>, NoInfer<R>>,
): Route {
  return { definition: definition as RouteDefinition, handle: handle as Route['handle'] }
}
