import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { defineEvent } from '@platform/events/event-type.ts'
import { type TProperties, Type } from 'typebox'
import { incompatibilities } from '../src/compatibility.ts'
import { landSchemas, readLandedSchemas, schemaOf } from '../src/landed-schemas.ts'
import { publishedEvents } from '../src/published-events.ts'

describe('the schemas that have landed', () => {
  const landed = readLandedSchemas()

  it('are those of exactly the events that are published', () => {
    expect([...landed.keys()].sort()).toEqual(publishedEvents.map(({ type }) => type).sort())
  })

  it.each(publishedEvents.map((event) => ({ type: event.type, event })))(
    '$type has kept its promise',
    ({ type, event }) => {
      expect(incompatibilities(landed.get(type), schemaOf(event))).toEqual([])
    },
  )

  it.each(publishedEvents.map((event) => ({ type: event.type, event })))(
    '$type is written down as it is (if not: pnpm events:schemas)',
    ({ type, event }) => {
      expect(landed.get(type)).toEqual(schemaOf(event))
    },
  )
})

describe('landing a schema', () => {
  const folder = mkdtempSync(join(tmpdir(), 'schemas-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  const event = (fields: TProperties) =>
    defineEvent({ type: 'a.b.made', topic: 'a.b', description: 'Made.', data: Type.Object(fields) })
  const first = { id: Type.String() }
  const grown = { ...first, note: Type.Optional(Type.String()) }

  it('writes what is new or has grown, and says so', () => {
    expect(landSchemas([event(first)], folder)).toEqual(['a.b.made'])
    expect(landSchemas([event(first)], folder)).toEqual([])
    expect(landSchemas([event(grown)], folder)).toEqual(['a.b.made'])
    expect(readLandedSchemas(folder).get('a.b.made')).toEqual(schemaOf(event(grown)))
  })

  it('refuses what breaks a promise, and writes nothing then', () => {
    expect(() => landSchemas([event(first)], folder)).toThrow('a.b.made/note: is missing')
    expect(readLandedSchemas(folder).get('a.b.made')).toEqual(schemaOf(event(grown)))
  })
})
