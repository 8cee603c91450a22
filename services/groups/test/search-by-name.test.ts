import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Page } from '@platform/http/paging.ts'
import { type Person, type Platform, startPlatform } from '@platform/testing/platform.ts'
import { onServer } from '@platform/testing/server.ts'
import fc from 'fast-check'
import { COUNTED_UP_TO } from '../src/groups/list-groups.ts'
import type { Group } from '../src/groups/shapes.ts'
import { newGroup, uniqueName } from './make-group.ts'

let platform: Platform
beforeAll(async () => {
  platform = await startPlatform({ services: ['moderation'] })
})
afterAll(() => platform.stop())

async function create(owner: Person, fields: object): Promise<Group> {
  const { status, body } = await owner.post<Group>('/groups', { ...newGroup(), ...fields })
  expect(status).toBe(201)
  return body
}

async function search(person: Person, groupName: string, query: string): Promise<Page<Group>> {
  const { status, body } = await person.get<Page<Group>>(`/groups?groupName=${encodeURIComponent(groupName)}&${query}`)
  expect(status).toBe(200)
  return body
}

const names = ({ data }: Page<Group>) => data.map(({ name }) => name)
const ids = ({ data }: Page<Group>) => data.map(({ id }) => id)

// One letter for one letter, as the database does it.
const lower = (text: string) => Array.from(text, (letter) => letter.toLowerCase()).join('')

const letter = fc.constantFrom(...'aAbBzZ  oOöÖüÜéÉßжЖωΩ日本🎾🏃%_\\\'"-.')
const word = fc.constantFrom(
  'run',
  'Runners',
  'MORNING',
  'Öster',
  'österreich',
  '100%',
  'a_b',
  'c\\d',
  '🏃🏃',
  "l'",
  'ß',
)
const text = fc.array(fc.oneof(letter, letter, word), { minLength: 1, maxLength: 12 }).map((parts) => parts.join(''))
const name = text.map((given) => Array.from(given).slice(0, 40).join(''))
const changeCase = (given: string) => Array.from(given, (one, at) => (at % 2 ? one.toUpperCase() : one)).join('')

describe('GET /groups?groupName=', () => {
  it('finds what a look at every name finds, in the same order', async () => {
    const ana = platform.person()
    const sportId = randomUUID()
    const given = fc.sample(name, 80)
    const made: string[] = []
    for (const one of given) made.unshift((await create(ana, { name: one, sportId })).name)
    const part = fc
      .record({ of: fc.constantFrom(...given), from: fc.nat(39), letters: fc.integer({ min: 1, max: 40 }) })
      .map(({ of, from, letters }) => {
        const all = Array.from(of)
        return all.slice(from % all.length, (from % all.length) + letters).join('')
      })
    // 'ß' in upper case is two letters, which it is not found by.
    const searched = fc.oneof(part, part.map(changeCase), part.map(lower), name)
    await fc.assert(
      fc.asyncProperty(searched, async (wanted) => {
        const page = await search(ana, wanted, `sportId=${sportId}&limit=100`)
        const expected = made.filter((one) => lower(one).includes(lower(wanted)))
        expect(names(page)).toEqual(expected)
        expect(page.total).toBe(expected.length)
      }),
      { numRuns: 300 },
    )
  })

  it.each([1, 2, 3, 4, 5, 6, 7, 8, 13, 40])('takes parts of %i letters', async (letters) => {
    const ana = platform.person()
    const sportId = randomUUID()
    const { name: whole } = await create(ana, { name: 'Zürich Xylophone & Quick Österreich Joggers', sportId })
    await create(ana, { name: '0123456789', sportId })
    for (let at = 0; at + letters <= whole.length; at++) {
      const page = await search(ana, whole.slice(at, at + letters).toUpperCase(), `sportId=${sportId}`)
      expect(names(page)).toEqual([whole])
    }
    const other = `${whole.slice(0, letters - 1)}#`
    expect(names(await search(ana, other, `sportId=${sportId}`))).toEqual([])
  })

  it('goes by the name that a group has now, and forgets those that are gone', async () => {
    const ana = platform.person()
    const [before, after] = [uniqueName(), uniqueName()]
    const group = await create(ana, { name: `The ${before}` })
    await ana.patch(`/groups/${group.id}`, { name: `The ${after}` })
    expect(ids(await search(ana, before, ''))).toEqual([])
    expect(ids(await search(ana, after, ''))).toEqual([group.id])
    await ana.delete(`/groups/${group.id}`)
    expect(ids(await search(ana, after, ''))).toEqual([])
  })

  it('leaves out what the caller may not know of, or not read', async () => {
    const [ana, ben] = [platform.person(), platform.person()]
    const word = uniqueName()
    const hidden = await create(ana, { name: `Hidden ${word}`, groupType: 'Private' })
    const open = await create(ana, { name: `Open ${word}` })
    expect(ids(await search(ana, word, ''))).toEqual([open.id, hidden.id])
    expect(await search(ben, word, '')).toMatchObject({ total: 1, data: [{ id: open.id }] })
  })

  it('counts up to a bound where very many fit, and gives every one of them', async () => {
    const [ana, ben] = [platform.person(), platform.person()]
    const [word, sportId] = [uniqueName(), randomUUID()]
    const count = COUNTED_UP_TO + 50
    await onServer(platform.database.adminUrl, (client) =>
      client.query(
        `insert into groups."group" (id, name, description, short_name, sport_id, post_rules, group_type, owner_id,
           participants_count, created_at, updated_at)
         select gen_random_uuid(), 'Number ' || n || ' of ' || $1, '', left(md5($1 || n), 30), $2, 'Everyone',
           case when n % 10 = 0 then 'Private' else 'Public' end, $3, n % 7, timestamptz '2026-01-01' + n * interval '1 s',
           now()
         from generate_series(1, $4::integer) as n`,
        [word, sportId, ana.id, Math.ceil((count * 10) / 9)],
      ),
    )
    const seen: string[] = []
    for (let page = 0; page * 100 < count + 100; page++) {
      const answer = await search(ben, word.toUpperCase(), `sportId=${sportId}&limit=100&page=${page}`)
      expect(answer.total).toBe(COUNTED_UP_TO)
      seen.push(...names(answer))
    }
    const numbers = Array.from({ length: Math.ceil((count * 10) / 9) }, (_, at) => at + 1)
    expect(seen).toEqual(
      numbers
        .filter((n) => n % 10 !== 0)
        .toReversed()
        .map((n) => `Number ${n} of ${word}`),
    )
    const popular = await search(ben, word, 'isPopular=true&limit=5')
    expect(popular.data.map(({ participantsCount }) => participantsCount)).toEqual([6, 6, 6, 6, 6])
    const near = await search(ben, word, 'lat=1&lng=1&limit=3')
    expect(names(near)).toEqual(seen.slice(0, 3))
  })
})
