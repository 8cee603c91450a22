import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { Client } from '@platform/testing/client.ts'
import { completed } from '@platform/testing/erasures.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { type Platform, startPlatform } from '@platform/testing/platform.ts'
import { byKey, PASSWORD, startGatewayUnderTest } from './harness.ts'

interface Group {
  id: string
  ownerId: string
  participantsCount: number
}

async function signUp(url: string): Promise<{ id: string; client: Client }> {
  const account = { email: `${randomUUID()}@example.com`, password: PASSWORD }
  const { body } = await new Client(url).post<{ id: string; apiKey: string }>('/accounts', account)
  return { id: body.id, client: byKey(url, body.apiKey) }
}

describe('DELETE /accounts/me', () => {
  let platform: Platform
  beforeAll(async () => {
    platform = await startPlatform()
  })
  afterAll(() => platform.stop())

  const makeGroup = async (owner: Client): Promise<string> => {
    const shortName = `g_${randomUUID().slice(0, 8)}`
    const group = { name: 'Runners', description: 'We run.', shortName, postRules: 'Everyone' }
    return `/groups/${(await owner.post<Group>('/groups', group)).body.id}`
  }

  it('is refused while groups are in the way, names them, and changes nothing', async () => {
    const [ana, ben] = [await signUp(platform.url), platform.person()]
    const path = await makeGroup(ana.client)
    await ben.post(`${path}/follow`)
    const { status, body } = await ana.client.delete('/accounts/me')
    expect([status, body.errors.length, body.errors[0]?.code]).toEqual([409, 1, 'conflict'])
    expect(body.errors[0]?.message).toContain(path.slice('/groups/'.length))
    expect((await ana.client.delete('/accounts/me?force=perhaps')).status).toBe(400)
    expect((await ana.client.get('/accounts/me')).status).toBe(200)
    expect((await ben.get<Group>(path)).body.ownerId).toBe(ana.id)
  })

  it('with force, or with nothing in the way, takes the account and erases its data', async () => {
    const [ana, cat, ben] = [await signUp(platform.url), await signUp(platform.url), platform.person()]
    const path = await makeGroup(ana.client)
    for (const person of [ben, cat.client]) await person.post(`${path}/follow`)
    await cat.client.post(`${path}/posts`, { text: 'x' })
    const posted = await ana.client.post<{ id: string }>('/posts', { text: 'x' })
    expect((await cat.client.delete('/accounts/me')).status).toBe(204)
    expect((await ana.client.delete('/accounts/me?force=true')).status).toBe(204)
    for (const { id, client } of [ana, cat]) {
      await eventually(async () => expect((await client.get('/accounts/me')).status).toBe(401))
      await completed(platform.person({ roles: ['admin'] }), { id })
    }
    expect((await ben.get<Group>(path)).body).toMatchObject({ ownerId: ben.id, participantsCount: 1 })
    expect((await ben.get(`/posts/${posted.body.id}`)).status).toBe(404)
    expect((await ben.get<{ total: number }>(`${path}/feed`)).body.total).toBe(0)
  })

  it('is 404 for somebody whose account is elsewhere', async () => {
    expect((await platform.person().delete('/accounts/me')).status).toBe(404)
  })
})

describe('DELETE /accounts/me while the groups service does not answer', () => {
  it('is 503, and possible with force: the erasure begins when the service is back', async () => {
    const gateway = await startGatewayUnderTest({ GROUPS_URL: 'http://127.0.0.1:1' })
    try {
      const ana = await gateway.signUp()
      const refused = await ana.byToken.delete('/accounts/me')
      expect([refused.status, refused.body.errors[0]?.code]).toEqual([503, 'unavailable'])
      expect((await ana.byToken.get('/accounts/me')).status).toBe(200)
      expect((await ana.byToken.delete('/accounts/me?force=true')).status).toBe(204)
    } finally {
      await gateway.stop()
    }
  })
})
