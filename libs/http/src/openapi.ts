import type { TObject, TSchema } from 'typebox'
import { ERROR_STATUS, type ErrorCode } from './errors.ts'
import type { Route, RouteDefinition } from './route.ts'
import { ErrorAnswer } from './schemas.ts'

/** As much of an OpenAPI 3.1 document as one service fills in; the gateway merges the services'. */
export interface OpenApiPart {
  paths: Record<string, Record<string, unknown>>
  components: { schemas: Record<string, unknown> }
  tags: { name: string; description?: string }[]
}

/** What every route can answer, whatever it does. */
const ALWAYS: ErrorCode[] = ['rate_limited', 'internal', 'unavailable']

/** Derives the document from the routes' own definitions. Schemas with a title become components of that name. */
export function openApiOf(routes: Route[]): OpenApiPart {
  const schemas: Record<string, unknown> = {}
  const paths: OpenApiPart['paths'] = {}
  for (const { definition } of routes) {
    const path = paths[definition.path] ?? {}
    paths[definition.path] = { ...path, [definition.method]: operation(definition, schemas) }
  }
  const tags = [...new Set(routes.map(({ definition }) => definition.tag))].map((name) => ({ name }))
  return { paths, components: { schemas }, tags }
}

function operation(definition: RouteDefinition, schemas: Record<string, unknown>): unknown {
  const isWrite = definition.method !== 'get'
  const responses: Record<string, unknown> = {}
  for (const [status, schema] of Object.entries(definition.responses)) {
    responses[status] = {
      description: Number(status) === 201 ? 'Created' : 'Success',
      headers: {
        'x-request-id': { $ref: '#/components/headers/RequestId' },
        ...(definition.hasETag && { ETag: { $ref: '#/components/headers/ETag' } }),
      },
      ...(schema && { content: json(schema, schemas) }),
    }
  }
  const isConditional = definition.hasETag && !isWrite
  if (isConditional) {
    responses[304] = { description: 'Not modified', headers: { ETag: { $ref: '#/components/headers/ETag' } } }
  }
  for (const code of errorsOf(definition)) {
    responses[ERROR_STATUS[code]] ??= {
      description: code,
      content: json(definition.errorAnswer ?? ErrorAnswer, schemas),
    }
  }
  const { access } = definition
  return {
    operationId: definition.operationId,
    summary: definition.summary,
    ...(definition.description && { description: definition.description }),
    tags: [definition.tag],
    parameters: [
      ...parameters(definition.params, 'path'),
      ...parameters(definition.query, 'query'),
      { $ref: '#/components/parameters/Traceparent' },
      ...(isWrite && access !== 'everyone' && !definition.changesNothing
        ? [{ $ref: '#/components/parameters/IdempotencyKey' }]
        : []),
      ...(isConditional ? [{ $ref: '#/components/parameters/IfNoneMatch' }] : []),
      ...(definition.takesIfMatch ? [{ $ref: '#/components/parameters/IfMatch' }] : []),
    ],
    ...(definition.body && { requestBody: { required: true, content: json(definition.body, schemas) } }),
    responses,
    security: access === 'everyone' ? [] : [{ bearer: [] }, { apiKey: [] }, { apiKeyQuery: [] }],
    ...(access !== 'everyone' && { 'x-scope': access.scope, 'x-roles': access.roles ?? ['user'] }),
  }
}

function errorsOf(definition: RouteDefinition): ErrorCode[] {
  const codes = new Set<ErrorCode>(definition.errors)
  if (definition.params || definition.query || definition.body) codes.add('validation')
  if (definition.body) codes.add('payload_too_large').add('unsupported_media_type')
  if (definition.access !== 'everyone') codes.add('unauthorized').add('forbidden')
  for (const code of ALWAYS) codes.add(code)
  return [...codes].sort((a, b) => ERROR_STATUS[a] - ERROR_STATUS[b])
}

function parameters(schema: TObject | undefined, where: 'path' | 'query'): unknown[] {
  const required = new Set<string>(schema?.required as string[] | undefined)
  return Object.entries(schema?.properties ?? {}).map(([name, property]) => ({
    name,
    in: where,
    required: where === 'path' || required.has(name),
    ...(('description' in property && { description: property.description }) || {}),
    schema: property,
  }))
}

function json(schema: TSchema, schemas: Record<string, unknown>): unknown {
  return { 'application/json': { schema: hoist(JSON.parse(JSON.stringify(schema)), schemas) } }
}

/** Moves titled objects to the components, from the inside out, and leaves references. */
function hoist(schema: unknown, schemas: Record<string, unknown>): unknown {
  if (Array.isArray(schema)) return schema.map((item) => hoist(item, schemas))
  if (schema === null || typeof schema !== 'object') return schema
  const inner = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, hoist(value, schemas)]))
  if (typeof inner.title !== 'string' || inner.type !== 'object') return inner
  const { title } = inner
  const known = schemas[title]
  if (known && JSON.stringify(known) !== JSON.stringify(inner)) throw new Error(`Two schemas have the title ${title}.`)
  schemas[title] = inner
  return { $ref: `#/components/schemas/${title}` }
}
