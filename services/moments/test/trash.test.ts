import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Answer } from '@platform/testing/client.ts'
import type { Moment } from '../src/moments/shapes.ts'
import { type Cast, type MomentsPlatform, startMomentsPlatform } from './harness.ts'

let moments: MomentsPlatform
let cast: Cast
beforeAll(async () => {
  moments = await startMomentsPlatform()
  cast = await moments.cast()
})
afterAll(() => moments.stop())

interface TrashPage {
  data: (Moment & { deletedAt: string; purgeAt?: string })[]
  count: number
  page: number
  limit: number
  total: number
}

const refusal = ({ status, body }: Answer<{ errors?: { message: string }[] }>) => [status, body.errors?.[0]?.message]
const deleted = (ids: unknown) => cast.owner.delete('/moments', { momentUUIDs: ids })
const restored = (ids: unknown) => cast.owner.post('/moments/restore', { momentUUIDs: ids })
const statusOf = async (id: string) => (await cast.viewer.get(`/moments/${id}`)).status

const setRow = (id: string, row: { purge_started_at?: Date; purged_at?: Date }) =>
  moments.db.updateTable('moment').set(row).where('id', '=', id).execute()

const BATCHES = [
  { name: 'DELETE /moments', verb: 'delete', send: deleted },
  { name: 'POST /moments/restore', verb: 'restore', send: restored },
]

describe.each(BATCHES)('$name', ({ verb, send }) => {
  it('checks the shape, the size and the form of each id, in this order', async () => {
    const id = randomUUID()
    const tooMany = Array.from({ length: 101 }, () => 'no-uuid')
    for (const wrong of [undefined, null, 'text', {}, [], [id, id], [id, id.toUpperCase()]]) {
      expect(refusal(await send(wrong))).toEqual([400, 'Invalid moment UUID array'])
    }
    expect(refusal(await send(tooMany))).toEqual([400, `You can not ${verb} that many moments in one batch`])
    for (const wrong of [[id, 'no-uuid'], [1], [null], ['no-uuid', 'no-uuid']]) {
      expect(refusal(await send(wrong))).toEqual([400, 'At least one of the moment UUIDs is not valid'])
    }
  })

  it('answers 404 before 403 when one of the moments is unknown or purged', async () => {
    const foreign = await moments.moment((await moments.cast()).robotId)
    const purged = await moments.moment(cast.robotId)
    await cast.owner.delete(`/moments/${purged}`)
    await setRow(purged, { purge_started_at: new Date(), purged_at: new Date() })
    for (const id of [randomUUID(), purged]) {
      expect(refusal(await send([foreign, id]))).toEqual([404, 'At least one of the moments does not exist'])
    }
  })

  it('refuses all when one of the moments is not of a robot that the caller owns', async () => {
    const id = await moments.moment(cast.robotId)
    const foreign = await moments.moment((await moments.cast()).robotId)
    const message = `You can not ${verb} at least one of these moments`
    expect(refusal(await send([id, foreign]))).toEqual([403, message])
    for (const person of [cast.viewer, cast.revoked, cast.stranger]) {
      const path = verb === 'delete' ? '/moments' : '/moments/restore'
      const method = verb === 'delete' ? 'DELETE' : 'POST'
      expect(refusal(await person.send(method, path, { momentUUIDs: [id] }))).toEqual([403, message])
    }
    expect(await statusOf(id)).toBe(200)
  })
})

describe('deletes', () => {
  it('move up to a hundred moments to the trash at once', async () => {
    const ids = await Promise.all(Array.from({ length: 100 }, () => moments.moment(cast.robotId)))
    expect((await deleted(ids)).status).toBe(204)
    expect(await Promise.all(ids.map(statusOf))).toEqual(ids.map(() => 404))
  })

  it('delete nothing when one of the moments is in the trash', async () => {
    const [trashed, id] = [await moments.moment(cast.robotId), await moments.moment(cast.robotId)]
    expect((await deleted([trashed])).status).toBe(204)
    expect(refusal(await deleted([id, trashed]))).toEqual([400, 'At least one of the moments has already been deleted'])
    expect(await statusOf(id)).toBe(200)
  })

  it('answer an Idempotency-Key with the first answer', async () => {
    const id = await moments.moment(cast.robotId)
    const headers = { 'idempotency-key': randomUUID() }
    for (let i = 0; i < 2; i++) {
      expect((await cast.owner.delete('/moments', { momentUUIDs: [id] }, headers)).status).toBe(204)
    }
  })

  it('of a single moment have messages of their own', async () => {
    const id = await moments.moment(cast.robotId)
    expect(refusal(await cast.owner.delete('/moments/no-uuid'))).toEqual([400, 'Invalid moment UUID'])
    expect(refusal(await cast.owner.delete(`/moments/${randomUUID()}`))).toEqual([404, 'Moment does not exist'])
    expect(refusal(await cast.viewer.delete(`/moments/${id}`))).toEqual([403, 'You can not delete this moment'])
    expect((await cast.owner.delete(`/moments/${id}`)).status).toBe(204)
    expect(refusal(await cast.owner.delete(`/moments/${id}`))).toEqual([400, 'Moment has already been deleted'])
    expect((await moments.platform.nobody.delete(`/moments/${id}`)).status).toBe(401)
  })
})

describe('GET /moments/trash', () => {
  it("lists the owner's own moments, newest deletion first, with the time of their purge", async () => {
    const own = await moments.cast()
    const ids: string[] = []
    for (let i = 0; i < 5; i++) {
      const id = await moments.moment(own.robotId, { pinned: i === 4 })
      await own.owner.delete(`/moments/${id}`)
      ids.unshift(id)
    }
    await setRow(ids.pop() ?? '', { purge_started_at: new Date() })
    const { body: first } = await own.owner.get<TrashPage>('/moments/trash?limit=3')
    expect(first).toMatchObject({ count: 3, page: 1, limit: 3, total: 4 })
    const { body: second } = await own.owner.get<TrashPage>('/moments/trash?limit=3&page=2')
    expect(second).toMatchObject({ count: 1, page: 2, limit: 3, total: 4 })
    expect([...first.data, ...second.data].map(({ uuid }) => uuid)).toEqual(ids)
    const [pinned, trashed] = first.data
    expect(pinned?.purgeAt).toBeUndefined()
    expect(Date.parse(trashed?.purgeAt ?? '') - Date.parse(trashed?.deletedAt ?? '')).toBe(30 * 86_400_000)
    expect(trashed?.media).toHaveLength(1)
    expect((await own.owner.get<TrashPage>('/moments/trash?page=9')).body).toMatchObject({ data: [], total: 4 })
    expect((await own.owner.get('/moments/trash?page=0')).status).toBe(400)
    for (const person of [own.viewer, own.revoked, own.stranger]) {
      expect((await person.get<TrashPage>('/moments/trash')).body).toMatchObject({ data: [], total: 0 })
    }
  })
})

describe('POST /moments/restore', () => {
  it('brings back everything as it was', async () => {
    const id = await moments.moment(cast.robotId, { title: 'Cat', expiresAt: new Date(Date.now() + 3_600_000) })
    await cast.owner.put(`/moments/${id}/seen`)
    await cast.viewer.put(`/moments/${id}/share`)
    await cast.owner.put(`/moments/${id}/feedback`, { feedback: -1 })
    await cast.owner.put(`/moments/${id}/pin`)
    const { body: before } = await cast.owner.get(`/moments/${id}`)
    await deleted([id])
    expect((await restored([id])).status).toBe(204)
    expect((await cast.owner.get(`/moments/${id}`)).body).toEqual(before)
    const marks = await moments.db.selectFrom('mark').select('deleted_at').where('moment_id', '=', id).execute()
    expect(marks).toEqual([{ deleted_at: null }, { deleted_at: null }])
  })

  it('restores nothing when one of the moments is not in the trash, or its purge has started', async () => {
    const [trashed, live] = [await moments.moment(cast.robotId), await moments.moment(cast.robotId)]
    await deleted([trashed])
    expect(refusal(await restored([trashed, live]))).toEqual([409, 'At least one of the moments is not in the trash'])
    expect(await statusOf(trashed)).toBe(404)
    await setRow(trashed, { purge_started_at: new Date() })
    expect(refusal(await restored([trashed]))).toEqual([404, 'At least one of the moments does not exist'])
  })
})
