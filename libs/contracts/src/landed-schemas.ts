import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { EventType } from '@platform/events/event-type.ts'
import { incompatibilities } from './compatibility.ts'

/** Where the schemas lie that others rely on. */
export const SCHEMA_FOLDER: string = fileURLToPath(new URL('../schemas', import.meta.url))

/** A JSON Schema, read as what it is. */
export type JsonSchema = Record<string, unknown>

/** The schema of an event's data as it is published: by itself, with its address. */
export function schemaOf({ type, description, dataschema, schema }: EventType): JsonSchema {
  return JSON.parse(
    JSON.stringify({
      $schema: 'http://json-schema.org/draft-07/schema#',
      $id: dataschema,
      ...schema,
      title: type,
      description,
    }),
  )
}

/** The schemas that have landed, by their event's type. */
export function readLandedSchemas(folder: string = SCHEMA_FOLDER): Map<string, JsonSchema> {
  const files = readdirSync(folder).filter((file) => file.endsWith('.json'))
  return new Map(files.map((file) => [file.slice(0, -5), JSON.parse(readFileSync(join(folder, file), 'utf8'))]))
}

/**
 * Writes the schemas of these events beside or over those that have landed.
 *
 * @returns the types whose schema is new or has grown
 * @throws Error that names every change which is no new optional field; nothing was written then
 */
export function landSchemas(events: EventType[], folder: string = SCHEMA_FOLDER): string[] {
  mkdirSync(folder, { recursive: true })
  const landed = readLandedSchemas(folder)
  const schemas = events.map((event) => ({ type: event.type, schema: schemaOf(event) }))
  const faults = schemas.flatMap(({ type, schema }) => {
    const predecessor = landed.get(type)
    return predecessor ? incompatibilities(predecessor, schema).map((fault) => `${type}${fault}`) : []
  })
  if (faults.length > 0) throw new Error(`Only optional fields may be added to an event:\n${faults.join('\n')}`)
  const changed = schemas.filter(({ type, schema }) => JSON.stringify(landed.get(type)) !== JSON.stringify(schema))
  for (const { type, schema } of changed) {
    writeFileSync(join(folder, `${type}.json`), `${JSON.stringify(schema, null, 2)}\n`)
  }
  return changed.map(({ type }) => type)
}
