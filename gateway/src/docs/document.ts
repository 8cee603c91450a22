import type { OpenApiPart } from '@platform/http/openapi.ts'

/** A part, and whose it is. */
export interface NamedPart {
  name: string
  part: OpenApiPart
}

const FRAME = {
  openapi: '3.1.0',
  info: {
    title: 'Platform API',
    version: '1.0.0',
    description:
      'Send one credential: a bearer token from `POST /auth/token`, or an API key. Errors are ' +
      '`{"errors":[{"code","message","endpoint","requestId"}]}`. Every answer carries `x-request-id`.',
  },
  servers: [{ url: '/' }],
}

const COMPONENTS = {
  securitySchemes: {
    bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
    apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
    apiKeyQuery: { type: 'apiKey', in: 'query', name: 'apikey' },
  },
  headers: {
    RequestId: { description: 'Names this request in every log.', schema: { type: 'string' } },
    ETag: { description: 'The version of what is answered, for conditional requests.', schema: { type: 'string' } },
  },
  parameters: {
    Traceparent: {
      name: 'traceparent',
      in: 'header',
      required: false,
      description: 'A W3C trace to be continued.',
      schema: { type: 'string' },
    },
    IdempotencyKey: {
      name: 'Idempotency-Key',
      in: 'header',
      required: false,
      description: 'The same key, user and body within 24 h give the first answer again.',
      schema: { type: 'string', minLength: 1, maxLength: 255 },
    },
    IfNoneMatch: {
      name: 'If-None-Match',
      in: 'header',
      required: false,
      description: 'Tags that the client has seen: where one of them is the present one, the answer is 304.',
      schema: { type: 'string' },
    },
    IfMatch: {
      name: 'If-Match',
      in: 'header',
      required: false,
      description: 'Tags that the client has seen, or `*`: unless one of them is the present one, the answer is 409.',
      schema: { type: 'string' },
    },
  },
}

/** Merges the parts of all services into one OpenAPI 3.1 document. Where two disagree on a schema, both are kept. */
export function mergeOpenApi(parts: NamedPart[]): Record<string, unknown> {
  const schemas: Record<string, unknown> = {}
  const paths: OpenApiPart['paths'] = {}
  const tags = new Map<string, OpenApiPart['tags'][number]>()
  for (const { name, part } of parts) {
    const own = renameClashes(name, part, schemas)
    Object.assign(schemas, own.components.schemas)
    for (const [path, item] of Object.entries(own.paths)) paths[path] = { ...item, ...paths[path] }
    for (const tag of own.tags) if (!tags.has(tag.name)) tags.set(tag.name, tag)
  }
  return { ...FRAME, tags: [...tags.values()], paths, components: { schemas, ...COMPONENTS } }
}

function renameClashes(name: string, part: OpenApiPart, schemas: Record<string, unknown>): OpenApiPart {
  const clashes = Object.entries(part.components.schemas)
    .filter(([title, schema]) => schemas[title] && JSON.stringify(schemas[title]) !== JSON.stringify(schema))
    .map(([title]) => title)
  if (clashes.length === 0) return part
  let text = JSON.stringify(part)
  for (const title of clashes) {
    text = text.replaceAll(`"#/components/schemas/${title}"`, `"#/components/schemas/${name}.${title}"`)
  }
  const renamed: OpenApiPart = JSON.parse(text)
  for (const title of clashes) {
    renamed.components.schemas[`${name}.${title}`] = renamed.components.schemas[title]
    delete renamed.components.schemas[title]
  }
  return renamed
}
