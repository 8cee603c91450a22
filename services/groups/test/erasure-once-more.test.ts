import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { Client } from '@platform/testing/client.ts'
import { completed, erasureOf } from '@platform/testing/erasures.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { type Person, type Platform, startPlatform } from '@platform/testing/platform.ts'
import { onServer } from '@platform/testing/server.ts'
import type { Group } from '../src/groups/shapes.ts'
import { newGroup } from './make-group.ts'

let platform: Platform
let root: Person
let ben: Person
beforeAll(async () => {
  platform = await startPlatform()
  root = platform.person({ roles: ['admin'] })
  ben = platform.person()
})
afterAll(() => platform.stop())

/** Somebody who asks for themselves. */
interface Asking {
  id: string
  client: Client
}

function somebody(): Asking {
  const client = platform.person()
  return { id: client.id, client }
}

async function signUp(): Promise<Asking> {
  const account = { email: `${randomUUID()}@example.com`, password: 'correct horse battery' }
  const { body } = await platform.nobody.post<{ id: string; apiKey: string }>('/accounts', account)
  return { id: body.id, client: new Client(platform.url, () => ({ 'x-api-key': body.apiKey })) }
}

const makeGroup = async (owner: Client) => (await owner.post<Group>('/groups', newGroup())).body.id
const makePost = async (author: Client) => (await author.post<{ id: string }>('/posts', { text: 'My secret' })).body.id

async function report(by: Client): Promise<void> {
  const entityId = await makeGroup(ben)
  const { status } = await by.post('/reports', { entityType: 'group', entityId, reason: 'spam' })
  expect(status).toBe(201)
}

/** What lets no service go on with this kind of work, for as long as the row is locked. */
const REPORT = 'select from moderation.report where reporter_id = $1 for update'
const POST = 'select from social.post where author_id = $1 for update'
const PLACE = 'select from groups.participant where user_id = $1 for update'

/** Locks the rows of somebody while `work` runs. */
async function whileLocked(locks: string[], { id }: Asking, work: () => Promise<void>): Promise<void> {
  await onServer(platform.database.adminUrl, async (client) => {
    await client.query('begin')
    for (const lock of locks) expect((await client.query(lock, [id])).rowCount).toBe(1)
    await work()
  })
}

const whenDone = (service: string, person: Asking) =>
  eventually(async () => {
    const { services } = (await erasureOf(root, person)).body
    expect(services).toContainEqual(expect.objectContaining({ service, state: 'completed' }))
  })

const begin = async ({ client }: Asking) => expect((await client.delete('/user-data')).status).toBe(204)

const query = <R extends object>(text: string, values: unknown[]): Promise<R[]> =>
  onServer(platform.database.adminUrl, async (client) => (await client.query<R>(text, values)).rows)

/** How many erasures of somebody there have been, and how many were asked for. */
async function erasures({ id }: Asking): Promise<object | undefined> {
  const [counted] = await query(
    `select count(*)::integer as begun, (
       select count(*)::integer from event_log.record
       where topic = 'groups.erasure' and value like '%groups.erasure.requested%' and value like $2
     ) as told from groups.erasure where user_id = $1`,
    [id, `%${id}%`],
  )
  return counted
}

describe('what somebody does after a service has done its part', () => {
  it('is erased when they ask again: another erasure follows', async () => {
    const ana = somebody()
    await report(ana.client)
    let postId = ''
    let first = ''
    await whileLocked([REPORT], ana, async () => {
      await begin(ana)
      await whenDone('social', ana)
      first = (await erasureOf(ana.client, ana)).body.requestedAt
      postId = await makePost(ana.client)
      for (let i = 0; i < 3; i++) await begin(ana)
      const { body } = await erasureOf(ana.client, ana)
      expect(body).toMatchObject({ userId: ana.id, requestedAt: first })
      expect(body.completedAt).toBeUndefined()
    })
    const { requestedAt, services } = await completed(root, ana)
    expect(requestedAt > first).toBe(true)
    expect(new Set(services.map(({ state }) => state))).toEqual(new Set(['completed']))
    expect((await ben.get(`/posts/${postId}`)).status).toBe(404)
    expect(await erasures(ana)).toEqual({ begun: 2, told: 2 })
  })

  it('is erased when their account is deleted', async () => {
    const ana = await signUp()
    await report(ana.client)
    let postId = ''
    await whileLocked([REPORT], ana, async () => {
      await begin(ana)
      await whenDone('social', ana)
      postId = await makePost(ana.client)
      expect((await ana.client.delete('/accounts/me')).status).toBe(204)
      await eventually(async () => {
        const handled = await query(
          `select from event_log.record join groups.inbox on event_id = value::jsonb ->> 'id'
           where topic = 'accounts.account' and value::jsonb ->> 'type' = 'accounts.account.deleted' and key = $1`,
          [ana.id],
        )
        expect(handled).toHaveLength(1)
      })
    })
    await completed(root, ana)
    expect((await ben.get(`/posts/${postId}`)).status).toBe(404)
    expect(await erasures(ana)).toEqual({ begun: 2, told: 2 })
  })

  it('is erased when that service has not told of it yet', async () => {
    const ana = somebody()
    let postId = ''
    await onServer(platform.database.adminUrl, async (client) => {
      await client.query('begin')
      // No event reaches the groups service.
      await client.query('lock table groups.inbox in share mode')
      await begin(ana)
      await eventually(async () => {
        const told = await query(
          `select from event_log.record where topic = 'social.erasure' and key in
             (select id::text from groups.erasure where user_id = $1) and value like '%social.erasure.completed%'`,
          [ana.id],
        )
        expect(told).toHaveLength(1)
      })
      postId = await makePost(ana.client)
      await begin(ana)
    })
    await completed(root, ana)
    expect((await ben.get(`/posts/${postId}`)).status).toBe(404)
    expect(await erasures(ana)).toEqual({ begun: 2, told: 2 })
  })

  it("is erased when it is the groups service's turn", async () => {
    const ana = somebody()
    await ana.client.post(`/groups/${await makeGroup(ben)}/follow`)
    const followed = await makeGroup(ben)
    let [postId, own] = ['', '']
    await whileLocked([PLACE], ana, async () => {
      await begin(ana)
      await whenDone('social', ana)
      await whenDone('moderation', ana)
      postId = await makePost(ana.client)
      own = await makeGroup(ana.client)
      await ana.client.post(`/groups/${followed}/follow`)
      await begin(ana)
    })
    await completed(root, ana)
    expect((await ben.get(`/posts/${postId}`)).status).toBe(404)
    expect((await ben.get(`/groups/${own}`)).status).toBe(404)
    expect((await ben.get<Group>(`/groups/${followed}`)).body.participantsCount).toBe(1)
  })

  it('is erased with each request, however the parts and the requests fall', async () => {
    const ana = somebody()
    const postIds: string[] = []
    for (let i = 0; i < 25; i++) {
      postIds.push(await makePost(ana.client))
      await begin(ana)
    }
    await completed(root, ana)
    const kept = await query('select id from social.post where id = any($1) and deleted_at is null', [postIds])
    expect(kept).toEqual([])
  })
})

describe('asking again before any service has done its part', () => {
  it('changes nothing', async () => {
    const ana = await signUp()
    await report(ana.client)
    await makePost(ana.client)
    await whileLocked([REPORT, POST], ana, async () => {
      for (let i = 0; i < 3; i++) await begin(ana)
    })
    await completed(root, ana)
    expect(await erasures(ana)).toEqual({ begun: 1, told: 1 })
  })
})
