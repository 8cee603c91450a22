import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { cloneDatabase, type TestDatabase } from '@platform/testing/database.ts'
import { onServer } from '@platform/testing/server.ts'
import { parseInstantInterval } from '../src/time/instant-interval.ts'
import { compareTimeZoneData, type SqlQuery, type TimeZoneComparison } from '../src/time/time-zone-data.ts'

const THIS_YEAR = new Date().getUTCFullYear()
const PERIOD = { from: new Date(Date.UTC(THIS_YEAR - 10, 0, 1)), until: new Date(Date.UTC(THIS_YEAR + 3, 0, 1)) }
const YEAR_2025 = { from: new Date(Date.UTC(2025, 0, 1)), until: new Date(Date.UTC(2026, 0, 1)) }

let database: TestDatabase
beforeAll(async () => {
  database = await cloneDatabase()
})
afterAll(() => database.drop())

/** Compares on a connection of its own. @param alter changes the values of each statement about one zone */
function compare(period: { from: Date; until: Date }, alter = (values: unknown[]) => values) {
  return onServer(database.adminUrl, async (client) => {
    // Far from UTC and from ISO, as a server may be set up.
    await client.query("set timezone = 'Pacific/Chatham'; set datestyle = 'German'")
    const query: SqlQuery = (text, values) => client.query(text, values.length > 0 ? alter(values) : values)
    return compareTimeZoneData(query, period)
  })
}

function differingZones({ differences }: TimeZoneComparison): string[] {
  return [...new Set(differences.map(({ timeZone }) => timeZone))]
}

/** A line for each zone: how many readings differ, and the first of them. */
function report(comparison: TimeZoneComparison): string {
  const lines = differingZones(comparison).map((zone) => {
    const differences = comparison.differences.filter(({ timeZone }) => timeZone === zone)
    const [first] = differences
    return `${zone}: ${differences.length}, first at ${first?.instant.toISOString()}: PostgreSQL ${first?.postgres}, Node ${first?.node}`
  })
  return [`Time-zone data of PostgreSQL and of Node (${process.versions.tz}) differ:`, ...lines].join('\n  ')
}

describe('compareTimeZoneData', () => {
  it('finds the same clocks in PostgreSQL and in Node, but for rules that one of them has not got yet', async () => {
    const comparison = await compare(PERIOD)
    const differing = differingZones(comparison)
    if (differing.length > 0) process.stderr.write(`${report(comparison)}\n`)
    expect(comparison.timeZones.length).toBeGreaterThan(400)
    expect(comparison.readings).toBeGreaterThan(200_000)
    expect(comparison.onlyInPostgres).toContain('Factory')
    expect(comparison.onlyInPostgres.filter((name) => comparison.timeZones.includes(name))).toEqual([])
    // One version of the data may have a few zones that the other lacks.
    expect(comparison.onlyInNode.length).toBeLessThan(10)
    // Versions of the data are some rules apart, each of one country. An error in converting shows in most zones.
    expect(differing.length).toBeLessThan(comparison.timeZones.length / 20)
    expect(comparison.differences.length).toBeLessThan(comparison.readings / 50)
    const fiveYearsAgo = Date.UTC(THIS_YEAR - 5, 0, 1)
    expect(comparison.differences.filter(({ instant }) => instant.getTime() < fiveYearsAgo)).toEqual([])
  })

  it('names the zones that PostgreSQL reads as an abbreviation, apart from the differences', async () => {
    const { misreadAsAbbreviations, timeZones, differences } = await compare(YEAR_2025)
    expect(misreadAsAbbreviations).toContain('CET')
    // A short list of names without a place: a rule of a country is never hidden there.
    expect(misreadAsAbbreviations.filter((name) => !/^[A-Z]{3}$/.test(name))).toEqual([])
    expect(timeZones).toEqual(expect.arrayContaining(misreadAsAbbreviations))
    expect(differences.filter(({ timeZone }) => misreadAsAbbreviations.includes(timeZone))).toEqual([])
  })

  it('reports every zone when the clocks are a second apart', async () => {
    const later = (text: string) => new Date(Date.parse(text) + 1_000).toISOString()
    const comparison = await compare(YEAR_2025, ([timeZone, instants, local]) => [
      timeZone,
      (Array.isArray(instants) ? instants : []).map(later),
      local,
    ])
    const reported = [...differingZones(comparison), ...comparison.misreadAsAbbreviations]
    expect(reported.sort()).toEqual([...comparison.timeZones].sort())
    expect(comparison.differences.length).toBeGreaterThan(comparison.readings * 0.95)
    expect(comparison.differences.find(({ timeZone }) => timeZone === 'Europe/Berlin')).toEqual({
      timeZone: 'Europe/Berlin',
      instant: new Date('2025-01-01T00:00:01.000Z'),
      postgres: '2025-01-01 01:00:01',
      node: '2025-01-01 01:00:00',
    })
  })

  it('reports exactly the readings that differ when one zone has another rule', async () => {
    const autumn = { from: new Date('2025-10-01T00:00:00Z'), until: new Date('2025-11-15T00:00:00Z') }
    // Paris as if France had never gone back to winter time: both are at +02:00 until the end of October.
    const comparison = await compare(autumn, ([timeZone, ...rest]) => [
      timeZone === 'Europe/Paris' ? 'Africa/Maputo' : timeZone,
      ...rest,
    ])
    const inParis = comparison.differences.filter(({ timeZone }) => timeZone === 'Europe/Paris')
    expect(inParis.map(({ instant }) => instant.toISOString())).toEqual([
      '2025-10-26T01:00:00.000Z',
      '2025-10-29T00:00:00.000Z',
      '2025-11-05T00:00:00.000Z',
      '2025-11-12T00:00:00.000Z',
    ])
    expect(inParis[0]).toMatchObject({ postgres: '2025-10-26 03:00:00', node: '2025-10-26 02:00:00' })
  })
})

describe('parseInstantInterval', () => {
  it('returns bounds that PostgreSQL takes, at both ends of its range', async () => {
    const { from, until } = parseInstantInterval('-004712-01-01T00:00:00Z/+275760-09-13T00:00:00Z')
    const rows = await onServer(database.adminUrl, async (client) => {
      const text = `select extract(epoch from $1::timestamptz)::float8 as first, extract(epoch from $2::timestamptz)::float8 as last`
      return (await client.query(text, [from, until])).rows
    })
    expect(rows).toEqual([{ first: Number(from) / 1_000, last: Number(until) / 1_000 }])
  })
})
