import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { TimelinePage } from '../src/timeline/shapes.ts'
import { type Cast, type MomentsPlatform, startMomentsPlatform } from './harness.ts'

let moments: MomentsPlatform
let cast: Cast
/** Ten moments of the cast's robot, newest first; the last five are hidden from the late viewer. */
let ids: string[]

beforeAll(async () => {
  moments = await startMomentsPlatform()
  cast = await moments.cast()
  ids = []
  for (let n = 0; n < 10; n++) {
    const capturedAt = new Date(cast.visibleFrom.getTime() + (4 - n) * 60_000)
    ids.push(await moments.moment(cast.robotId, { capturedAt }))
  }
})
afterAll(() => moments.stop())

const idsOf = ({ data }: Pick<TimelinePage, 'data'>) => data.map(({ uuid }) => uuid)
type Reader = Cast['owner']
const list = (person: Reader, query = '') => person.get<TimelinePage>(`/moments${query}`)
const refusal = async (person: Reader, query: string, path = '/moments') => {
  const { status, body } = await person.get(`${path}?${query}`)
  return [status, body.errors?.[0]?.message]
}

describe('GET /moments', () => {
  it('shows the newest capture first to owner and viewer, with the pages beside it', async () => {
    for (const person of [cast.owner, cast.viewer]) {
      const { status, body } = await list(person)
      expect(status).toBe(200)
      expect(body).toMatchObject({ count: 10, page: 1, limit: 50, total: 10, asOf: expect.any(String) })
      expect(body).not.toHaveProperty('next')
      expect(idsOf(body)).toEqual(ids)
      expect(body.data[0]).toMatchObject({ robotUUID: cast.robotId, seen: false, feedback: 0, expired: false })
    }
  })

  it('hides what was captured before the right of a viewer begins', async () => {
    const { body } = await list(cast.lateViewer)
    expect([body.total, idsOf(body)]).toEqual([5, ids.slice(0, 5)])
  })

  it('shows nothing to a person without a right on a robot, or with a revoked one', async () => {
    for (const person of [cast.stranger, cast.revoked, moments.platform.person()]) {
      const { status, body } = await list(person)
      expect([status, body.total, body.data]).toEqual([200, 0, []])
    }
  })

  it('refuses a filter by a robot without a right on it, and answers 404 for an unknown robot', async () => {
    const forbidden = [403, "No permission to view robot's activity"]
    expect(await refusal(cast.stranger, `filter[robotUUID]=${cast.robotId}`)).toEqual(forbidden)
    expect(await refusal(cast.revoked, `filter[robotUUID]=${cast.robotId}`)).toEqual(forbidden)
    expect(await refusal(cast.owner, `filter[robotUUID]=${randomUUID()}`)).toEqual([404, 'Not Found'])
    expect(await refusal(cast.revoked, `filter[robotUUID]=${cast.robotId}`, '/moments/buckets')).toEqual(forbidden)
    expect(await refusal(cast.owner, `filter[robotUUID]=${randomUUID()}`, '/moments/buckets')).toEqual([
      404,
      'Not Found',
    ])
  })

  it('answers 401 without a credential', async () => {
    for (const path of ['/moments', '/moments/buckets', '/moments/memories']) {
      expect((await moments.platform.nobody.get(path)).status).toBe(401)
    }
  })

  it('refuses an unknown key of a filter, and ignores other unknown parameters', async () => {
    for (const name of ['filter[colour]', 'filter[]', 'filter', 'filter[localTime][from]', 'filter[__proto__]']) {
      expect(await refusal(cast.owner, `${name}=1`)).toEqual([400, 'The field name does not exist'])
      expect(await refusal(cast.owner, `${name}=1`, '/moments/buckets')).toEqual([400, 'The field name does not exist'])
    }
    expect((await list(cast.owner, '?colour=red&filters=1')).status).toBe(200)
  })

  it.each([
    ...['page=0', 'page=-1', 'page=1.5', 'page=1e1', 'page=0x1', 'page=%201', 'page=99999999999', 'page=1&page=2'],
    ...['limit=0', 'limit=101', 'limit=1e1', 'limit=0x10', 'limit=', 'limit=ten', 'limit=%2B5', '%6Cimit=1e1'],
    ...['after=x', 'after=a.b', 'after=', 'asOf=x.y', 'asOf=', 'filter[seen]=yes', 'filter[seen]=1', 'filter[pinned]='],
    ...['filter[expired]=maybe', 'filter[feedback]=2', 'filter[feedback]=1e0', 'filter[type]=', 'filter[type]=a%00b'],
    ...['filter[robotUUID]=x', 'filter[localTime]=17:00', 'filter[localTime]=25:00:00-26:00:00', 'filter[localTime]='],
    ...['filter[localTime]=17:00:00-19:00:00&filter[localTime]=1:00:00-2:00:00', 'filter[type]=a&filter[type]=b'],
    ...['filter[capturedAt]=2026-01-01', 'filter[capturedAt]=2026-02-30T00:00:00Z/..', 'filter[capturedAt]=a/b/c'],
  ])('answers 400 to %s', async (query) => {
    expect((await cast.owner.get(`/moments?${query}`)).status).toBe(400)
  })

  it('takes text of SQL as a type that no moment has', async () => {
    const { status, body } = await list(cast.owner, `?filter[type]=${encodeURIComponent("photo' or '1'='1")}`)
    expect([status, body.total]).toEqual([200, 0])
  })

  it('pages by number, plain and with an anchor, and tells beyond the end that there is nothing', async () => {
    const first = (await list(cast.owner, '?limit=4')).body
    expect(idsOf(first)).toEqual(ids.slice(0, 4))
    for (const asOf of ['', `&asOf=${first.asOf}`]) {
      const pages = await Promise.all([1, 2, 3, 4].map((page) => list(cast.owner, `?limit=4&page=${page}${asOf}`)))
      expect(pages.map(({ body }) => [body.page, body.count, body.total])).toEqual([
        [1, 4, 10],
        [2, 4, 10],
        [3, 2, 10],
        [4, 0, 10],
      ])
      expect(pages.flatMap(({ body }) => idsOf(body))).toEqual(ids)
      expect(pages.map(({ body }) => 'next' in body)).toEqual([true, true, false, false])
    }
    expect((await list(cast.owner, '?limit=100&page=2147483647')).body.data).toEqual([])
  })

  it('continues at a cursor until nothing follows', async () => {
    const seen: string[] = []
    let query = '?limit=3'
    for (;;) {
      const { body } = await list(cast.owner, query)
      seen.push(...idsOf(body))
      expect(body.total).toBe(10)
      if (!body.next) break
      query = `?limit=3&after=${body.next}`
    }
    expect(seen).toEqual(ids)
  })

  it('takes a cursor or an anchor of its own list only, and not both', async () => {
    const { next, asOf } = (await list(cast.owner, '?limit=3')).body
    const status = async (person: Reader, query: string) => (await list(person, query)).status
    expect(await status(cast.viewer, `?after=${next}`)).toBe(400)
    expect(await status(cast.viewer, `?asOf=${asOf}`)).toBe(400)
    expect(await status(cast.owner, `?after=${asOf}`)).toBe(400)
    expect(await status(cast.owner, `?asOf=${next}`)).toBe(400)
    expect(await status(cast.owner, `?filter[type]=photo&after=${next}`)).toBe(400)
    expect(await status(cast.owner, `?filter[seen]=true&asOf=${asOf}`)).toBe(400)
    expect(await status(cast.owner, `?after=${next}&asOf=${asOf}`)).toBe(400)
    expect(await status(cast.owner, `?after=${next}&page=2`)).toBe(400)
    expect(await status(cast.owner, `?after=${next}&page=1`)).toBe(200)
  })

  it('shows the list of an anchor without what has gone or is hidden since, and not what has come', async () => {
    const [robotId, person] = [await moments.robot(), moments.platform.person()]
    await moments.grant(robotId, person)
    const at = (n: number) => new Date(Date.UTC(2026, 0, 1, 0, n))
    const own: string[] = []
    for (let n = 5; n > 0; n--) own.push(await moments.moment(robotId, { capturedAt: at(n) }))
    const { asOf } = (await list(person, '?limit=2')).body
    await moments.moment(robotId, { capturedAt: at(9) })
    const other = await moments.robot()
    await moments.moment(other, { capturedAt: at(8) })
    await moments.grant(other, person)
    await moments.grant(robotId, person, 'viewer', at(2))
    const second = (await list(person, `?limit=2&page=2&asOf=${asOf}`)).body
    expect([idsOf(second), second.total, second.asOf]).toEqual([own.slice(2, 4), 5, asOf])
    const third = (await list(person, `?limit=2&page=3&asOf=${asOf}`)).body
    expect([third.data, third.count, third.total]).toEqual([[], 0, 5])
    await moments.revoke(robotId, person)
    expect((await list(person, `?limit=2&page=2&asOf=${asOf}`)).body.data).toEqual([])
  })
})
