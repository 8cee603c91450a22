import { IsObject, type TObject, type TSchema } from 'typebox'
import { ERROR_STATUS, type ErrorCode } from './errors.ts'
import type { OutgoingRequest, Route, RouteDefinition } from './route.ts'
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
    ...(definition.body && { requestBody: requestBody(definition.body, definition, schemas) }),
    responses,
    ...(definition.callbacks && { callbacks: callbacks(definition.callbacks, schemas) }),
    security: access === 'everyone' ? [] : [{ bearer: [] }, { apiKey: [] }, { apiKeyQuery: [] }],
    ...(access !== 'everyone' && { 'x-scope': access.scope, 'x-roles': access.roles ?? ['user'] }),
  }
}

function requestBody(body: TSchema, { takesForms }: RouteDefinition, schemas: Record<string, unknown>): unknown {
  const content = json(body, schemas)
  if (!takesForms) return { required: true, content }
  const properties = Object.entries(IsObject(body) ? body.properties : {})
  const objects = properties.filter(([, property]) => IsObject(property))
  const encoding = Object.fromEntries(objects.map(([name]) => [name, { style: 'deepObject', explode: true }]))
  const form = { ...content['application/json'], ...(objects.length > 0 && { encoding }) }
  return { required: false, content: { ...content, 'application/x-www-form-urlencoded': form } }
}

function callbacks(requests: Record<string, OutgoingRequest>, schemas: Record<string, unknown>): unknown {
  const operations = Object.entries(requests).map(([name, { to, summary, headers, body }]) => {
    const post = {
      summary,
      parameters: parameters(headers, 'header'),
      ...(body && { requestBody: { required: true, content: json(body, schemas) } }),
      responses: { '2XX': { description: 'It is done. After anything else it is tried again.' } },
    }
    return [name, { [`{${to}}`]: { post } }]
  })
  return Object.fromEntries(operations)
}

function errorsOf(definition: RouteDefinition): ErrorCode[] {
  const codes = new Set<ErrorCode>(definition.errors)
  if (definition.params || definition.query || definition.body) codes.add('validation')
  if (definition.body) codes.add('payload_too_large').add('unsupported_media_type')
  if (definition.access !== 'everyone') codes.add('unauthorized').add('forbidden')
  for (const code of ALWAYS) codes.add(code)
  return [...codes].sort((a, b) => ERROR_STATUS[a] - ERROR_STATUS[b])
}

function parameters(schema: TObject | undefined, where: 'path' | 'query' | 'header'): unknown[] {
  const required = new Set<string>(schema?.required as string[] | undefined)
  return Object.entries(schema?.properties ?? {}).map(([name, property]) => ({
    name,
    in: where,
    required: where === 'path' || required.has(name),
    ...(('description' in property && { description: property.description }) || {}),
    schema: property,
  }))
}

function json(schema: TSchema, schemas: Record<string, unknown>): { 'application/json': { schema: unknown } } {
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
