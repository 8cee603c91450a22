import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { cloneDatabase, type TestDatabase } from '@platform/testing/database.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { type Person, startIssuer } from '@platform/testing/issuer.ts'
import { startProcesses, type TestProcesses } from '@platform/testing/processes.ts'
import { startTcpProxy, type TcpProxy } from '@platform/testing/tcp-proxy.ts'

/** PostgreSQL away for a moment, for every process at once, and back: nobody has to be restarted. */

interface Group {
  id: string
  moderationStatus: string
}

let database: TestDatabase
let proxy: TcpProxy
let issuer: Awaited<ReturnType<typeof startIssuer>>
let processes: TestProcesses
let person: Person

beforeAll(async () => {
  database = await cloneDatabase()
  const address = new URL(database.adminUrl)
  proxy = await startTcpProxy({ host: address.hostname, port: Number(address.port) })
  const proxied = new URL(database.adminUrl)
  proxied.hostname = '127.0.0.1'
  proxied.port = String(proxy.port)
  // As in production: who asks is to know soon.
  proxied.searchParams.delete('connect_timeout')
  issuer = await startIssuer()
  processes = await startProcesses({
    database,
    databaseAdminUrl: proxied.href,
    env: { gateway: { JWT_ISSUERS: issuer.setting } },
  })
  person = issuer.person(processes.get('gateway').url, { roles: ['moderator'] })
})
afterAll(async () => {
  await processes.stop()
  await proxy.close()
  await issuer.stop()
  await database.drop()
})

const newGroup = (shortName: string) => ({ name: 'n', description: 'd', shortName, postRules: 'Everyone' })

async function redacts(shortName: string): Promise<void> {
  const { status, body } = await person.post<Group>('/groups', newGroup(shortName))
  expect(status).toBe(201)
  const moved = await person.post(`/moderation/groups/${body.id}/transitions`, { status: 'flagged' })
  expect(moved.status).toBe(200)
  await eventually(async () => {
    const { body: group } = await person.get<Group>(`/groups/${body.id}`)
    expect(group.moderationStatus).toBe('flagged')
  })
}

describe('a database that goes away', () => {
  it.each([
    ['refuses connections', () => proxy.cut(), 'refused'],
    ['answers nothing any more', () => proxy.freeze(), 'frozen'],
  ])('and %s is answered with 503 meanwhile; all goes on by itself when it is back', async (_, takeAway, name) => {
    await redacts(`${name}_before`)
    takeAway()
    const refused = await person.get('/groups')
    expect(refused.status).toBe(503)
    expect(refused.body.errors[0]?.code).toBe('unavailable')
    expect(refused.headers['retry-after']).toBeDefined()
    const written = await person.post('/groups', newGroup(`${name}_during`))
    expect(written.status).toBe(503)
    const ready = await person.get<{ status: string }>('/readyz')
    expect(ready.status).toBe(503)
    proxy.restore()
    await eventually(async () => expect((await person.get('/groups')).status).toBe(200))
    await eventually(async () => expect((await person.get('/readyz')).status).toBe(200))
    await redacts(`${name}_after`)
    const lives = ['gateway', 'groups', 'moderation'].map(
      (name) => processes.get(name).lines.filter((line) => line.includes('"listening"')).length,
    )
    expect(lives).toEqual([1, 1, 1])
  })
})
