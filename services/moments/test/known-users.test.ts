import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Answer, Client } from '@platform/testing/client.ts'
import type { Person } from '@platform/testing/platform.ts'
import { type MomentsPlatform, startMomentsPlatform } from './harness.ts'

let moments: MomentsPlatform
beforeAll(async () => {
  moments = await startMomentsPlatform()
})
afterAll(() => moments.stop())

const refusal = ({ status, body }: Answer<{ errors?: { message: string }[] }>) => [status, body.errors?.[0]?.message]
const UNKNOWN = [404, 'User UUID not found']

const OPERATIONS = [
  { name: 'share', body: undefined, forbidden: 'You cannot mark this moment as shared' },
  { name: 'feedback', body: { feedback: 1 }, forbidden: 'You cannot provide feedback on this moment' },
]

const setAccount = (person: Person, deletedAt: Date | null) =>
  moments.db.insertInto('account').values({ id: person.id, version: 1, deleted_at: deletedAt }).execute()

describe.each(OPERATIONS)('PUT /moments/{momentUUID}/$name', ({ name, body, forbidden }) => {
  const put = (person: Client, id: string) => person.put(`/moments/${id}/${name}`, body)

  it('answers 404 to a person whom nothing knows, before it looks for the moment', async () => {
    const { robotId } = await moments.cast()
    const person = moments.platform.person()
    for (const id of [await moments.moment(robotId), randomUUID()]) {
      expect(refusal(await put(person, id))).toEqual(UNKNOWN)
    }
    expect((await put(person, 'no-uuid')).status).toBe(400)
  })

  it('knows a person by the read model of accounts and by a right, also a revoked one', async () => {
    const { robotId, revoked, stranger } = await moments.cast()
    await setAccount(stranger, null)
    const id = await moments.moment(robotId)
    for (const person of [stranger, revoked]) expect(refusal(await put(person, id))).toEqual([403, forbidden])
  })

  it('does not know a person whose account is deleted, whatever rights are left', async () => {
    const { robotId, viewer } = await moments.cast()
    await setAccount(viewer, new Date())
    expect(refusal(await put(viewer, await moments.moment(robotId)))).toEqual(UNKNOWN)
  })

  it('asks the gateway about a person whose account it has not heard of', async () => {
    const account = { email: `${randomUUID()}@example.com`, password: 'correct horse battery staple' }
    const { body: created } = await moments.platform.nobody.post<{ id: string; apiKey: string }>('/accounts', account)
    const person = moments.platform.person({ id: created.id })
    const { robotId } = await moments.cast()
    const id = await moments.moment(robotId)
    await moments.db.deleteFrom('account').where('id', '=', created.id).execute()
    expect(refusal(await put(person, id))).toEqual([403, forbidden])
    expect(refusal(await put(person, randomUUID()))).toEqual([404, 'Moment UUID not found'])
  })

  it('gives a kept answer also when the person is not known any more', async () => {
    const { robotId, viewer } = await moments.cast()
    const path = `/moments/${await moments.moment(robotId)}/${name}`
    const headers = { 'idempotency-key': randomUUID() }
    const first = await viewer.put(path, body, headers)
    await setAccount(viewer, new Date())
    const second = await viewer.put(path, body, headers)
    expect([second.status, second.body]).toEqual([200, first.body])
  })
})

describe('PUT /moments/{momentUUID}/seen', () => {
  it('has no refusal of its own for a person whom nothing knows', async () => {
    const { robotId } = await moments.cast()
    const person = moments.platform.person()
    expect((await person.put(`/moments/${await moments.moment(robotId)}/seen`)).status).toBe(403)
  })
})
