import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Moment } from '../src/moments/shapes.ts'
import type { SmartFeedPage } from '../src/smart/shapes.ts'
import { type Cast, type MomentsPlatform, startMomentsPlatform } from './harness.ts'
import { deleteMoments, markMoments } from './mutations.ts'

let moments: MomentsPlatform
let cast: Cast
beforeAll(async () => {
  moments = await startMomentsPlatform()
  cast = await moments.cast()
})
afterAll(() => moments.stop())

const HOUR = 3_600_000
const ago = (hours: number) => new Date(Date.now() - hours * HOUR)
type Reader = Cast['owner']

const read = async (person: Reader, query = 'limit=100') => {
  const { status, body } = await person.get<SmartFeedPage>(`/moments/smart?${query}`)
  expect(status).toBe(200)
  return { ...body, ids: body.data.map(({ uuid }) => uuid) }
}
const refusal = async (person: Reader, query: string) => {
  const { status, body } = await person.get(`/moments/smart?${query}`)
  return [status, body.errors?.[0]?.message]
}

/** A person with a robot of their own, and moments an hour apart, newest first. */
async function scene(count = 0, options: { type?: string } = {}) {
  const person = moments.platform.person()
  const robotId = await moments.robot()
  await moments.grant(robotId, person, 'owner')
  const ids: string[] = []
  for (let n = 0; n < count; n++) ids.push(await moments.moment(robotId, { ...options, capturedAt: ago(n + 1) }))
  return { person, robotId, ids }
}

describe('GET /moments/smart', () => {
  it('answers 200 with moments, why each is shown, how many it stands for, and the next page', async () => {
    const { person, robotId, ids } = await scene(5)
    const { status, body } = await person.get<SmartFeedPage>('/moments/smart?limit=2')
    expect(status).toBe(200)
    expect(body).toMatchObject({ count: 2, limit: 2, next: expect.any(String), snapshot: expect.any(String) })
    const [first] = body.data
    const { body: moment } = await person.get<Moment>(`/moments/${first?.uuid}`)
    expect(first).toEqual({ ...moment, why: expect.any(String), similarCount: 0 })
    expect(first).toMatchObject({ robotUUID: robotId, seen: false, feedback: 0 })
    const second = await read(person, `limit=2&startUUID=${body.next}`)
    const third = await read(person, `limit=2&startUUID=${second.next?.toUpperCase()}`)
    expect(third).toMatchObject({ count: 1, snapshot: body.snapshot })
    expect(third).not.toHaveProperty('next')
    const all = [...body.data.map(({ uuid }) => uuid), ...second.ids, ...third.ids]
    expect(all.toSorted()).toEqual(ids.toSorted())
  })

  it.each(['', 'limit=', 'limit=0', 'limit=101', 'limit=-1', 'limit=1.5', 'limit=1e1', 'limit=ten', 'limit=1&limit=2'])(
    'answers 400 for the limit in %p',
    async (query) => {
      expect((await refusal(cast.viewer, query))[0]).toBe(400)
    },
  )

  it('answers 400 for an unknown field of the filter, and for values that a filter does not take', async () => {
    for (const name of ['filter[colour]', 'filter[]', 'filter', 'filter[why]']) {
      expect(await refusal(cast.viewer, `limit=5&${name}=1`)).toEqual([400, 'The field name does not exist'])
    }
    const hostile = ['filter[seen]=maybe', 'filter[localTime]=late', 'filter[capturedAt]=a/b', 'filter[feedback]=2']
    for (const query of [...hostile, 'filter[type]=%00', `filter[type]=${'x'.repeat(201)}`]) {
      expect((await refusal(cast.viewer, `limit=5&${query}`))[0]).toBe(400)
    }
  })

  it('answers 400 for a start that is no UUID', async () => {
    for (const start of ['', 'x', '1', 'null', `urn:uuid:${randomUUID()}`, `${randomUUID()}'--`, `{${randomUUID()}}`]) {
      expect((await refusal(cast.viewer, `limit=5&startUUID=${encodeURIComponent(start)}`))[0]).toBe(400)
    }
    expect((await refusal(cast.viewer, `limit=5&startUUID=${randomUUID()}&snapshot=x`))[0]).toBe(400)
    expect((await refusal(cast.viewer, `limit=5&snapshot=${randomUUID()}`))[0]).toBe(400)
  })

  it('answers 401 without a credential', async () => {
    expect((await moments.platform.nobody.get('/moments/smart?limit=5')).status).toBe(401)
  })

  it('answers 403 for a robot without a right on it, and 404 for an unknown robot, on every page', async () => {
    const forbidden = [403, "No permission to view robot's activity"]
    for (const start of ['', `&startUUID=${randomUUID()}`]) {
      for (const person of [cast.stranger, cast.revoked]) {
        const query = `limit=5&filter[robotUUID]=${cast.robotId}${start}`
        expect(await refusal(person, query)).toEqual(forbidden)
      }
      const unknown = `limit=5&filter[robotUUID]=${randomUUID()}${start}`
      expect(await refusal(cast.viewer, unknown)).toEqual([404, 'Not Found'])
    }
  })

  it("answers 404 for a start that none of the caller's snapshots of the same filter has", async () => {
    const { person, ids } = await scene(3, { type: 'video' })
    const other = await scene(3)
    await Promise.all([read(person), read(other.person)])
    const [id = ''] = ids
    const notFound = [404, 'Not Found']
    expect(await refusal(person, `limit=5&startUUID=${randomUUID()}`)).toEqual(notFound)
    expect(await refusal(person, `limit=5&startUUID=${other.ids[0]}`)).toEqual(notFound)
    expect(await refusal(other.person, `limit=5&startUUID=${id}`)).toEqual(notFound)
    expect(await refusal(person, `limit=5&filter[type]=video&startUUID=${id}`)).toEqual(notFound)
    expect(await refusal(person, `limit=5&startUUID=${id}&snapshot=${randomUUID()}`)).toEqual(notFound)
    const theirs = await read(other.person)
    expect(await refusal(person, `limit=5&startUUID=${id}&snapshot=${theirs.snapshot}`)).toEqual(notFound)
  })
})

describe('the smart feed', () => {
  it('gives a new user fresh moments first, and says so', async () => {
    const { person, robotId } = await scene()
    const old = await moments.moment(robotId, { capturedAt: ago(20 * 24) })
    const fresh = await moments.moment(robotId, { capturedAt: ago(1) })
    const page = await read(person)
    expect(page.ids).toEqual([fresh, old])
    expect(page.data[0]?.why).toBe('fresh')
  })

  it('is empty for a person without a robot', async () => {
    expect(await read(moments.platform.person())).toMatchObject({ data: [], count: 0 })
  })

  it('holds what the caller may see: no moment of other robots, before a right begins, deleted, or expired', async () => {
    const { robotId, owner, viewer, lateViewer, revoked, stranger, visibleFrom } = await moments.cast()
    const shown = await moments.moment(robotId, { capturedAt: visibleFrom })
    const early = await moments.moment(robotId, { capturedAt: new Date(visibleFrom.getTime() - HOUR) })
    await moments.moment(robotId, { capturedAt: ago(5), expiresAt: ago(1) })
    const pinned = await moments.moment(robotId, { capturedAt: ago(6), expiresAt: ago(1), pinned: true })
    const deleted = await moments.moment(robotId, { capturedAt: ago(7) })
    await owner.delete(`/moments/${deleted}`)
    await moments.moment(robotId, { capturedAt: ago(31 * 24) })
    for (const person of [owner, viewer]) {
      expect((await read(person)).ids.toSorted()).toEqual([shown, early, pinned].toSorted())
    }
    expect((await read(lateViewer)).ids).toEqual([shown])
    for (const person of [revoked, stranger]) expect((await read(person)).ids).toEqual([])
  })

  it('never shows a disliked moment, also when it was disliked after the snapshot', async () => {
    const { person, ids } = await scene(6)
    const [first = '', second = '', third = ''] = ids
    await person.put(`/moments/${first}/feedback`, { feedback: -1 })
    const page = await read(person, 'limit=1')
    await person.put(`/moments/${second}/feedback`, { feedback: -1 })
    const rest = await read(person, `limit=100&startUUID=${page.ids[0]}`)
    expect(rest.snapshot).toBe(page.snapshot)
    for (const { ids: shown } of [rest, await read(person)]) {
      expect(shown).toHaveLength(4)
      expect(shown).toContain(third)
    }
    expect((await read(person, 'limit=9&filter[feedback]=-1')).ids).toEqual([])
  })

  it('learns from feedback, and gives the type as the reason', async () => {
    const { person, robotId } = await scene()
    for (let n = 0; n < 24; n++) {
      const id = await moments.moment(robotId, { type: n % 2 ? 'cat' : 'wall', capturedAt: ago(24 * 20 + n) })
      await markMoments(moments.db, person.id, [id], { feedback: n % 2 ? 1 : -1, isSeen: true })
    }
    const unseen: string[] = []
    for (let n = 0; n < 6; n++) {
      unseen.push(await moments.moment(robotId, { type: n % 2 ? 'cat' : 'wall', capturedAt: ago(1 + n / 10) }))
    }
    const { data } = await read(person, 'limit=6&filter[seen]=false')
    const [best] = data
    expect([best?.type, best?.why]).toEqual(['cat', 'type'])
    const positions = data.filter(({ why }) => why !== 'explore').map(({ type }) => type)
    expect(positions.slice(0, 3)).toEqual(['cat', 'cat', 'cat'])
    expect(data.map(({ uuid }) => uuid).toSorted()).toEqual(unseen.toSorted())
  })

  it('shows an old moment that the caller liked, and says that it was liked before', async () => {
    const { person, robotId, ids } = await scene(2)
    const old = await moments.moment(robotId, { capturedAt: ago(400 * 24) })
    await person.put(`/moments/${old}/feedback`, { feedback: 1 })
    await person.put(`/moments/${old}/seen`)
    const page = await read(person)
    expect(page.ids).toEqual([...ids, old])
    expect(page.data[2]).toMatchObject({ why: 'liked-before', feedback: 1, seen: true })
  })

  it('ranks a moment that other viewers liked above one of the same age', async () => {
    const { person, robotId } = await scene()
    const capturedAt = ago(2)
    const plain = await moments.moment(robotId, { type: 'a', capturedAt })
    const popular = await moments.moment(robotId, { type: 'b', capturedAt })
    const others = Array.from({ length: 12 }, () => randomUUID())
    for (const other of others) await markMoments(moments.db, other, [popular], { feedback: 1 })
    expect((await read(person)).ids).toEqual([popular, plain])
  })

  it('shows a burst as one moment that stands for the others', async () => {
    const { person, robotId } = await scene()
    const capturedAt = ago(1)
    for (let n = 0; n < 4; n++) {
      await moments.moment(robotId, { capturedAt: new Date(capturedAt.getTime() + n * 10_000) })
    }
    await moments.moment(robotId, { capturedAt: ago(3) })
    const page = await read(person)
    expect(page.data.map(({ similarCount }) => similarCount)).toEqual([3, 0])
  })

  it('narrows by a filter, each in a snapshot of its own, however the filter is written', async () => {
    const { person, robotId, ids } = await scene(3)
    const video = await moments.moment(robotId, { type: 'video', capturedAt: ago(0.5) })
    const filtered = await read(person, 'limit=9&filter[type]=video')
    expect(filtered.ids).toEqual([video])
    expect((await read(person, `limit=9&filter[robotUUID]=${robotId}`)).ids).toHaveLength(4)
    const upper = await read(person, `limit=9&filter[robotUUID]=${robotId.toUpperCase()}`)
    expect((await read(person, `limit=9&filter[robotUUID]=${robotId}`)).snapshot).toBe(upper.snapshot)
    await person.put(`/moments/${ids[0]}/seen`)
    expect((await read(person, 'limit=9&filter[seen]=true')).ids).toEqual([ids[0]])
  })

  it('shows moments as they are now, and starts at one that is gone', async () => {
    const { person } = await scene(5)
    const before = await read(person)
    const [first = '', second = '', third = ''] = before.ids
    await person.put(`/moments/${third}/seen`)
    await person.put(`/moments/${third}/pin`)
    for (const id of [first, second]) await person.delete(`/moments/${id}`)
    const page = await read(person, `limit=2&startUUID=${first}`)
    expect(page).toMatchObject({ snapshot: before.snapshot, ids: before.ids.slice(2, 4), next: before.ids[4] })
    expect(page.data[0]).toMatchObject({ seen: true, pinned: true, viewCounter: 1 })
  })

  it('reads on past moments that are gone, however many lie together', async () => {
    const { person } = await scene(60)
    const { ids } = await read(person)
    const gone = ids.slice(2, 56)
    await deleteMoments(moments.db, gone)
    expect(await read(person, 'limit=4')).toMatchObject({
      ids: [...ids.slice(0, 2), ...ids.slice(56, 58)],
      next: ids[58],
    })
    const rest = await read(person, `limit=4&startUUID=${gone[0]}`)
    expect(rest.ids).toEqual(ids.slice(56))
    expect(rest).not.toHaveProperty('next')
  })

  it('builds one snapshot for two tabs at once', async () => {
    const { person } = await scene(20)
    const tabs = await Promise.all(Array.from({ length: 6 }, () => read(person, 'limit=10')))
    expect(new Set(tabs.map(({ snapshot }) => snapshot)).size).toBe(1)
    const rows = await moments.db.selectFrom('smart_snapshot').select('id').where('user_id', '=', person.id).execute()
    expect(rows).toHaveLength(1)
  })
})
