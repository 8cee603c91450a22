import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Person } from '@platform/testing/platform.ts'
import type { Bucket, MemoriesOfYear, TimelinePage } from '../src/timeline/shapes.ts'
import { type MomentsPlatform, startMomentsPlatform } from './harness.ts'

let moments: MomentsPlatform
beforeAll(async () => {
  moments = await startMomentsPlatform()
})
afterAll(() => moments.stop())

const HOUR = 3_600_000

/** A person with a robot of their own, and ways to put moments there. */
async function scene() {
  const [robotId, person] = [await moments.robot(), moments.platform.person()]
  await moments.grant(robotId, person, 'owner')
  const read = async (query: string) => {
    const { status, body } = await person.get<TimelinePage>(`/moments?${query}`)
    expect(status).toBe(200)
    expect(body.total).toBe(body.count)
    return body.data.map(({ uuid }) => uuid)
  }
  const local = (localAt: string, capturedAt = new Date(`${localAt.replace(' ', 'T')}Z`)) =>
    moments.moment(robotId, { localAt, capturedAt, timeZone: 'Europe/Oslo' })
  const mark = async (momentId: string, set: { feedback?: number; seen_at?: Date }) => {
    await moments.db
      .insertInto('mark')
      .values({ user_id: person.id, moment_id: momentId, updated_at: new Date(), ...set })
      .execute()
  }
  return { robotId, person, read, local, mark }
}

describe('filters of the timeline', () => {
  it('take a range of local time as half-open, across midnight, and to the end of the day', async () => {
    const { read, local } = await scene()
    const late = await local('2026-01-03 23:59:59.999')
    const end = await local('2026-01-03 19:00:00')
    const within = await local('2026-01-02 18:59:59.999')
    const start = await local('2026-01-02 17:00:00')
    const early = await local('2026-01-01 00:00:00')
    expect(await read('filter[localTime]=17:00:00-19:00:00')).toEqual([within, start])
    expect(await read('filter[localTime]=17:00-19:00')).toEqual([within, start])
    expect(await read('filter[localTime]=19:00:00-24:00:00')).toEqual([late, end])
    expect(await read('filter[localTime]=19:00:00-00:00:01')).toEqual([late, end, early])
    expect(await read('filter[localTime]=00:00:00-24:00:00')).toEqual([late, end, within, start, early])
    expect(await read('filter[localTime]=17:00:00-17:00:00')).toEqual([late, end, within, start, early])
    expect(await read('filter[localTime]=17:00:00-17:00:01')).toEqual([start])
  })

  it('match a local time that occurs twice both times, in order of the instant', async () => {
    const { read, local } = await scene()
    const summer = await local('2026-10-25 02:30:00', new Date('2026-10-25T00:30:00Z'))
    const winter = await local('2026-10-25 02:30:00', new Date('2026-10-25T01:30:00Z'))
    expect(await read('filter[localTime]=02:25:00-02:35:00')).toEqual([winter, summer])
  })

  it('merge the hours of several robots, and page through them', async () => {
    const { person, read, local } = await scene()
    const other = await moments.robot()
    await moments.grant(other, person)
    const expected: string[] = []
    for (let n = 0; n < 12; n++) {
      const localAt = `2026-02-${String(28 - n)} 0${n % 3}:10:00`
      const capturedAt = new Date(`${localAt.replace(' ', 'T')}Z`)
      expected.push(n % 2 ? await moments.moment(other, { localAt, capturedAt }) : await local(localAt))
    }
    const filter = 'filter[localTime]=00:10:00-02:11:00'
    expect(await read(filter)).toEqual(expected)
    const byNumber: string[] = []
    const byCursor: string[] = []
    let next = ''
    for (let page = 1; page <= 4; page++) {
      const numbered = await person.get<TimelinePage>(`/moments?${filter}&limit=3&page=${page}`)
      byNumber.push(...numbered.body.data.map(({ uuid }) => uuid))
      const { body } = await person.get<TimelinePage>(`/moments?${filter}&limit=3${next}`)
      byCursor.push(...body.data.map(({ uuid }) => uuid))
      next = `&after=${body.next}`
    }
    expect([byNumber, byCursor]).toEqual([expected, expected])
  })

  it('select by type, robot, instant, and all of them at once', async () => {
    const { robotId, person, read } = await scene()
    const at = (hour: number) => new Date(Date.UTC(2026, 2, 1, hour))
    const photo = await moments.moment(robotId, { capturedAt: at(12), type: 'photo' })
    const video = await moments.moment(robotId, { capturedAt: at(11), type: 'video' })
    const other = await moments.robot()
    await moments.grant(other, person)
    const elsewhere = await moments.moment(other, { capturedAt: at(10), type: 'photo' })
    expect(await read('filter[type]=photo')).toEqual([photo, elsewhere])
    expect(await read(`filter[robotUUID]=${robotId.toUpperCase()}`)).toEqual([photo, video])
    expect(await read('filter[capturedAt]=2026-03-01T11:00:00Z/2026-03-01T12:00:00Z')).toEqual([video])
    expect(await read('filter[capturedAt]=../2026-03-01T12:00:00Z')).toEqual([video, elsewhere])
    expect(await read('filter[capturedAt]=2026-03-01T11:00:00Z/..')).toEqual([photo, video])
    expect(await read('filter[capturedAt]=../..')).toEqual([photo, video, elsewhere])
    const all = `filter[type]=photo&filter[robotUUID]=${other}&filter[localTime]=10:00:00-10:01:00&filter[seen]=false`
    expect(await read(`${all}&filter[feedback]=0&filter[pinned]=false&filter[capturedAt]=../..`)).toEqual([elsewhere])
  })

  it("select by the caller's own marks, whoever else marked the moment", async () => {
    const { robotId, read, mark } = await scene()
    const at = (hour: number) => new Date(Date.UTC(2026, 2, 1, hour))
    const liked = await moments.moment(robotId, { capturedAt: at(12) })
    const disliked = await moments.moment(robotId, { capturedAt: at(11) })
    const untouched = await moments.moment(robotId, { capturedAt: at(10) })
    await mark(liked, { feedback: 1, seen_at: new Date() })
    await mark(disliked, { feedback: -1 })
    const others = { user_id: moments.platform.person().id, moment_id: untouched, updated_at: new Date() }
    await moments.db
      .insertInto('mark')
      .values({ ...others, feedback: 1, seen_at: new Date() })
      .execute()
    expect(await read('filter[feedback]=1')).toEqual([liked])
    expect(await read('filter[feedback]=-1')).toEqual([disliked])
    expect(await read('filter[feedback]=0')).toEqual([untouched])
    expect(await read('filter[seen]=true')).toEqual([liked])
    expect(await read('filter[seen]=false')).toEqual([disliked, untouched])
  })

  it('leave expired moments out or show only those, and a pinned moment never expires', async () => {
    const { robotId, read } = await scene()
    const [past, future] = [new Date(Date.now() - HOUR), new Date(Date.now() + HOUR)]
    const at = (hour: number) => new Date(Date.UTC(2026, 2, 1, hour))
    const expired = await moments.moment(robotId, { capturedAt: at(12), expiresAt: past })
    const pinned = await moments.moment(robotId, { capturedAt: at(11), expiresAt: past, pinned: true })
    const later = await moments.moment(robotId, { capturedAt: at(10), expiresAt: future })
    expect(await read('')).toEqual([pinned, later])
    expect(await read('filter[expired]=false')).toEqual([pinned, later])
    expect(await read('filter[expired]=true')).toEqual([expired])
    expect(await read('filter[pinned]=true')).toEqual([pinned])
    expect(await read('filter[pinned]=false')).toEqual([later])
  })
})

describe('GET /moments/buckets', () => {
  it('counts by local day, month and hour, newest first, with what is unseen and liked', async () => {
    const { person, local, mark } = await scene()
    const liked = await local('2026-02-01 00:10:00', new Date('2026-01-31T23:10:00Z'))
    await local('2026-02-01 00:50:00')
    await local('2026-01-31 23:00:00')
    await mark(liked, { feedback: 1, seen_at: new Date() })
    const buckets = async (query: string) => (await person.get<Bucket[]>(`/moments/buckets${query}`)).body
    expect(await buckets('')).toEqual([
      { bucket: '2026-02-01', total: 2, unseen: 1, liked: 1 },
      { bucket: '2026-01-31', total: 1, unseen: 1, liked: 0 },
    ])
    expect(await buckets('?by=month')).toEqual([
      { bucket: '2026-02', total: 2, unseen: 1, liked: 1 },
      { bucket: '2026-01', total: 1, unseen: 1, liked: 0 },
    ])
    expect((await buckets('?by=hour')).map(({ bucket }) => bucket)).toEqual(['2026-02-01T00', '2026-01-31T23'])
    expect(await buckets('?by=day&filter[feedback]=1')).toEqual([
      { bucket: '2026-02-01', total: 1, unseen: 0, liked: 1 },
    ])
    expect(await buckets('?filter[localTime]=23:00:00-24:00:00')).toHaveLength(1)
    expect((await person.get('/moments/buckets?by=week')).status).toBe(400)
    expect((await moments.platform.person().get('/moments/buckets')).body).toEqual([])
  })
})

describe('GET /moments/memories', () => {
  const memories = async (person: Person, query = '') => {
    const { body } = await person.get<MemoriesOfYear[]>(`/moments/memories${query}`)
    return body.map(({ year, moments }) => [year, moments.map(({ uuid }) => uuid)])
  }

  it('shows the same local date of earlier years, newest first, at most ten a year', async () => {
    const { robotId, person, local } = await scene()
    const first = await local('2023-05-04 23:59:59.999', new Date('2023-05-04T21:59:59.999Z'))
    const second = await local('2024-05-04 00:00:00', new Date('2024-05-03T10:00:00Z'))
    await local('2024-05-05 00:00:00', new Date('2024-05-04T22:00:00Z'))
    await local('2026-05-04 12:00:00')
    await moments.moment(robotId, { capturedAt: new Date('2022-05-04T12:00:00Z'), expiresAt: new Date(0) })
    const many: string[] = []
    for (let n = 11; n >= 0; n--) many.push(await local(`2025-05-04 12:00:${String(n).padStart(2, '0')}`))
    expect(await memories(person, '?date=2026-05-04')).toEqual([
      [2025, many.slice(0, 10)],
      [2024, [second]],
      [2023, [first]],
    ])
    expect(await memories(person, '?date=2024-05-04')).toEqual([[2023, [first]]])
    expect(await memories(person, '?date=9999-05-05')).toEqual([[2024, [expect.any(String)]]])
    expect(await memories(moments.platform.person(), '?date=2026-05-04')).toEqual([])
  })

  it('shows 29 February on that day, and in a common year on the day before', async () => {
    const { person, local } = await scene()
    const leap = await local('2024-02-29 12:00:00')
    const before = await local('2024-02-28 12:00:00')
    const common = await local('2023-02-28 12:00:00')
    await local('2023-03-01 12:00:00')
    expect(await memories(person, '?date=2028-02-29')).toEqual([[2024, [leap]]])
    expect(await memories(person, '?date=2028-02-28')).toEqual([
      [2024, [before]],
      [2023, [common]],
    ])
    expect(await memories(person, '?date=2026-02-28')).toEqual([
      [2024, [leap, before]],
      [2023, [common]],
    ])
    expect(await memories(person, '?date=2024-02-29')).toEqual([])
  })

  it('takes today in the zone of the newest moment, and refuses what is no date', async () => {
    const { robotId, person } = await scene()
    const now = Temporal.Now.zonedDateTimeISO('Pacific/Kiritimati')
    const today = now.toPlainDate()
    await moments.moment(robotId, { timeZone: 'Pacific/Kiritimati' })
    const memory = await moments.moment(robotId, {
      localAt: `${today.subtract({ years: 4 })} 12:00:00`,
      capturedAt: new Date(now.subtract({ years: 4 }).withPlainTime('12:00').epochMilliseconds),
    })
    expect((await memories(person)).at(0)).toEqual([today.year - 4, expect.arrayContaining([memory])])
    for (const date of ['2026-02-30', '2026-13-01', '0000-01-01', 'today', '', '2026-1-1', '2026-01-01T00:00']) {
      expect((await person.get(`/moments/memories?date=${date}`)).status).toBe(400)
    }
  })
})
