import { describe, expect, it } from '@jest/globals'
import { type TSchema, Type } from 'typebox'
import { incompatibilities } from '../src/compatibility.ts'

const plain = (schema: TSchema): unknown => JSON.parse(JSON.stringify(schema))

const fields = {
  id: Type.String({ format: 'uuid' }),
  status: Type.Unsafe<string>({ type: 'string', enum: ['a', 'b'] }),
  note: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  place: Type.Object({ lat: Type.Number({ minimum: -90 }) }),
  tags: Type.Array(Type.Object({ text: Type.String() })),
}
const landed = plain(Type.Object(fields))
const faultsOf = (changed: Record<string, TSchema>) => incompatibilities(landed, plain(Type.Object(changed)))

describe('a schema may', () => {
  it.each<[string, Record<string, TSchema>]>([
    ['stay as it is', fields],
    ['gain an optional field', { ...fields, more: Type.Optional(Type.String()) }],
    [
      'gain one inside',
      { ...fields, place: Type.Object({ ...fields.place.properties, lng: Type.Optional(Type.Number()) }) },
    ],
    [
      'gain one in the elements of a list',
      { ...fields, tags: Type.Array(Type.Object({ text: Type.String(), by: Type.Optional(Type.String()) })) },
    ],
    ['be told of in other words', { ...fields, id: Type.String({ format: 'uuid', description: 'Its id.' }) }],
  ])('%s', (_, changed) => {
    expect(faultsOf(changed)).toEqual([])
  })
})

describe('a schema may not', () => {
  const { id: _, ...withoutId } = fields
  it.each<[string, Record<string, TSchema>, string[]]>([
    ['lose a field', withoutId, ['/id: is missing', ': requires other fields']],
    ['gain a required field', { ...fields, more: Type.String() }, [': requires other fields']],
    ['make a field optional', { ...fields, id: Type.Optional(fields.id) }, [': requires other fields']],
    [
      'make a field required',
      { ...fields, note: Type.Union([Type.String(), Type.Null()]) },
      [': requires other fields'],
    ],
    ['change a type', { ...fields, id: Type.Integer() }, ['/id: has another type', '/id: has another format']],
    [
      'gain a value',
      { ...fields, status: Type.Unsafe<string>({ type: 'string', enum: ['a', 'b', 'c'] }) },
      ['/status: has another enum'],
    ],
    [
      'allow what was not allowed',
      { ...fields, note: Type.Optional(Type.Union([Type.String(), Type.Number(), Type.Null()])) },
      ['/note/anyOf: has another number of alternatives'],
    ],
    [
      'change an alternative',
      { ...fields, note: Type.Optional(Type.Union([Type.Number(), Type.Null()])) },
      ['/note/anyOf/0: has another type'],
    ],
    [
      'change a limit inside',
      { ...fields, place: Type.Object({ lat: Type.Number({ minimum: -80 }) }) },
      ['/place/lat: has another minimum'],
    ],
    [
      'lose a field in the elements of a list',
      { ...fields, tags: Type.Array(Type.Object({})) },
      ['/tags/items/text: is missing', '/tags/items: requires other fields'],
    ],
  ])('%s', (_name, changed, faults) => {
    expect(faultsOf(changed)).toEqual(expect.arrayContaining(faults))
    expect(faultsOf(changed)).toHaveLength(faults.length)
  })
})
