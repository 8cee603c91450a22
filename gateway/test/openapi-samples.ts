import { randomBytes, randomUUID } from 'node:crypto'

/** As much of JSON Schema as the merged document uses. */
export interface Schema {
  $ref?: string
  type?: string | string[]
  format?: string
  pattern?: string
  enum?: unknown[]
  const?: unknown
  anyOf?: Schema[]
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  minItems?: number
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
}

export interface Operation {
  operationId: string
  parameters: { name?: string; in?: string; schema?: Schema; $ref?: string }[]
  requestBody?: { content: Record<string, { schema: Schema }> }
  responses: Record<string, unknown>
  security?: unknown[]
}

export interface OpenApiDocument {
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, Schema> }
}

/** Follows a reference into the document's components. */
export function resolve(document: OpenApiDocument, schema: Schema): Schema {
  const name = schema.$ref?.split('/').at(-1)
  const target = name === undefined ? schema : document.components.schemas[name]
  if (!target) throw new Error(`${schema.$ref} does not exist.`)
  return target
}

/** A value that fits the schema, every optional property included. */
export function sample(document: OpenApiDocument, given: Schema): unknown {
  const schema = resolve(document, given)
  if (schema.const !== undefined) return schema.const
  if (schema.enum) return schema.enum[0]
  if (schema.anyOf?.[0]) return sample(document, schema.anyOf[0])
  switch (Array.isArray(schema.type) ? schema.type[0] : schema.type) {
    case 'object':
      return Object.fromEntries(
        Object.entries(schema.properties ?? {}).map(([name, property]) => [name, sample(document, property)]),
      )
    case 'array':
      return Array.from({ length: Math.max(1, schema.minItems ?? 0) }, () => sample(document, schema.items ?? {}))
    case 'integer':
    case 'number':
      return Math.max(schema.minimum ?? 1, Math.min(1, schema.maximum ?? 1))
    case 'boolean':
      return false
    case 'null':
      return null
    default:
      return text(schema)
  }
}

function text({ format, minLength = 1, maxLength = 40 }: Schema): string {
  if (format === 'uuid') return randomUUID()
  if (format === 'date-time') return '2030-01-01T00:00:00Z'
  if (format === 'email') return `${randomBytes(6).toString('hex')}@example.com`
  if (format === 'uri') return 'http://example.com/'
  return `s_${randomBytes(8).toString('hex')}`.slice(0, maxLength).padEnd(minLength, 'x')
}
