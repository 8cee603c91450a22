import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createLogger } from '@platform/log/logger.ts'
import { cloneDatabase, type TestDatabase } from '@platform/testing/database.ts'
import { sql } from 'kysely'
import { bigints, booleans, byteStrings, instants, integers, jsons, texts, uuids } from '../src/arrays.ts'
import { type Database, openDatabase } from '../src/database.ts'

let test: TestDatabase
let database: Database<unknown>
beforeAll(async () => {
  test = await cloneDatabase()
  const log = createLogger({ service: 'test', level: 'silent', format: 'pretty' })
  const settings = { timezone: 'Asia/Kathmandu', enable_seqscan: 'off' }
  database = openDatabase<unknown>({ url: test.urlFor('groups'), applicationName: 'test', log, settings })
})
afterAll(async () => {
  await database.close()
  await test.drop()
})

/** What the server makes of an array's elements, one by one. */
async function elements(array: Buffer, type: string): Promise<unknown[]> {
  const { rows } = await sql<{ element: unknown }>`
    select element from unnest(${array}::${sql.raw(type)}[]) with ordinality as given (element, place)
    order by place`.execute(database.db)
  return rows.map(({ element }) => element)
}

const UUID = 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6'
const LONG = 'ä€😀'.repeat(20_000)
const TYPES: [type: string, array: (values: never[]) => Buffer, values: unknown[]][] = [
  ['text', texts, ['', 'a,b', '{"x":"\\"}', 'NULL', 'ß 漢 😀', LONG, null, 'last']],
  ['integer', integers, [0, -1, 2_147_483_647, -2_147_483_648, null, 7]],
  ['bigint', bigints, [0, -1, 2 ** 32, -(2 ** 32) - 1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, null, 7]],
  ['boolean', booleans, [true, null, false]],
  ['uuid', uuids, [UUID, null, '00000000-0000-0000-0000-000000000000']],
  ['jsonb', jsons, [{ a: [1, 'ü'], b: null }, null, [], 'text']],
  ['bytea', byteStrings, [Buffer.alloc(0), Buffer.from([0, 255, 10]), null, Buffer.alloc(100_000, 7)]],
  [
    'timestamptz',
    instants,
    ['2026-11-21T15:30:00.123Z', '1969-12-31T23:59:59.999Z', '1582-10-15T00:00:00.001Z', '9999-12-31T23:59:59.999Z']
      .map((at): Date | null => new Date(at))
      .concat(null),
  ],
]

describe('An array on the wire', () => {
  it.each(TYPES)('of %s is what was given, with NULLs, and with nothing in it', async (type, array, values) => {
    const written = type === 'jsonb' ? values.map((value) => value && JSON.stringify(value)) : values
    expect(await elements(array(written as never[]), type)).toEqual(values)
    expect(await elements(array([]), type)).toEqual([])
  })

  it('is refused by the server for what its type cannot hold', async () => {
    await expect(elements(texts(['a\0b']), 'text')).rejects.toThrow('invalid byte sequence')
    expect(() => integers([2 ** 31])).toThrow('out of range')
    await expect(elements(texts(['1']), 'integer')).rejects.toThrow()
  })
})

describe('A database that is opened with settings', () => {
  it('has them on each connection', async () => {
    const { rows } =
      await sql`select current_setting('timezone') as zone, current_setting('enable_seqscan') as scan`.execute(
        database.db,
      )
    expect(rows).toEqual([{ zone: 'Asia/Kathmandu', scan: 'off' }])
  })
})
