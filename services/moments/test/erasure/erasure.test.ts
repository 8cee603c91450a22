import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { CloudEvent } from '@platform/events/cloud-event.ts'
import { Client } from '@platform/testing/client.ts'
import { completed, erasureOf } from '@platform/testing/erasures.ts'
import { eventually } from '@platform/testing/eventually.ts'
import type { Person } from '@platform/testing/platform.ts'
import { onServer } from '@platform/testing/server.ts'
import type { Moment } from '../../src/moments/shapes.ts'
import type { Robot } from '../../src/robots/shapes.ts'
import { type MomentsPlatform, startMomentsPlatform } from '../harness.ts'

let moments: MomentsPlatform
let root: Person
beforeAll(async () => {
  moments = await startMomentsPlatform({ ERASURE_BATCH_SIZE: '2' }, { isWhole: true })
  root = moments.platform.person({ roles: ['admin'] })
})
afterAll(() => moments.stop())

type Asking = Pick<Person, 'id' | 'delete'>

/** Erases a person's data, and waits until every service has done its part. */
async function erase(person: Asking): Promise<void> {
  expect((await person.delete('/user-data')).status).toBe(204)
  await completed(root, person)
}

const query = <R extends object>(text: string, values: unknown[] = []): Promise<R[]> =>
  onServer(moments.platform.database.adminUrl, async (client) => (await client.query<R>(text, values)).rows)

/** Returns the tables of the service that hold a text in any column. */
async function traces(text: string): Promise<string[]> {
  const tables = await query<{ name: string }>(
    `select table_name as name from information_schema.tables
     where table_schema = 'moments' and table_type = 'BASE TABLE'`,
  )
  const found: string[] = []
  for (const { name } of tables) {
    const rows = await query(`select from moments."${name}" as row where row::text ilike $1 limit 1`, [`%${text}%`])
    if (rows.length > 0) found.push(name)
  }
  return found
}

const whenAllIsSent = () => eventually(async () => expect(await query('select from moments.outbox')).toEqual([]))

/** Returns what the service published under a key. */
async function published(key: string): Promise<CloudEvent[]> {
  const rows = await query<{ value: string }>('select value from event_log.record where key = $1 order by "offset"', [
    key,
  ])
  return rows.map(({ value }) => JSON.parse(value))
}

/** Puts marks and actions of a person on a moment, as commands do. */
async function mark(person: Asking, robotId: string, momentId: string): Promise<void> {
  const at = new Date()
  await moments.db
    .insertInto('mark')
    .values({ user_id: person.id, moment_id: momentId, feedback: 1, seen_at: at, updated_at: at })
    .execute()
  await moments.db
    .insertInto('moment_action')
    .values({ id: randomUUID(), robot_id: robotId, moment_id: momentId, user_id: person.id, action: 'like', at })
    .execute()
}

const robotsNamed = (id: string) => moments.db.selectFrom('robot').select('id').where('id', '=', id).execute()
const momentsOf = (robotId: string) =>
  moments.db.selectFrom('moment').selectAll().where('robot_id', '=', robotId).orderBy('id').execute()

async function trash(momentId: string, by: Asking): Promise<void> {
  await moments.db
    .updateTable('moment')
    .set({ deleted_at: new Date(), deleted_by: by.id })
    .where('id', '=', momentId)
    .execute()
}

describe('erasing a person whose robot has another user', () => {
  it('takes rights, marks, actions and kept answers, and leaves the moments and marks of others', async () => {
    const { robotId, owner, viewer } = await moments.cast()
    const ids: string[] = []
    for (let i = 0; i < 3; i++) {
      const id = await moments.moment(robotId, { pinned: i === 0 })
      for (const person of [owner, viewer]) await mark(person, robotId, id)
      ids.push(id)
    }
    const trashed = [await moments.moment(robotId), await moments.moment(robotId), await moments.moment(robotId)]
    for (const id of trashed) await trash(id, viewer)
    await moments.db.insertInto('idempotency_key').values({ owner: viewer.id, key: 'x', fingerprint: 'x' }).execute()
    const before = await momentsOf(robotId)
    await erase(viewer)

    expect(await traces(viewer.id)).toEqual([])
    expect((await viewer.get(`/robots/${robotId}`)).status).toBe(403)
    const after = await momentsOf(robotId)
    expect(after).toEqual(before.map((row) => ({ ...row, deleted_by: null })))
    for (const id of ids) {
      expect((await owner.get<Moment>(`/moments/${id}`)).body).toMatchObject({ feedback: 1, seen: true })
    }
    expect((await owner.get<Robot>(`/robots/${robotId}`)).body.right).toBe('owner')
  })

  it('makes the oldest viewer the owner when the last owner is erased', async () => {
    const { robotId, owner, viewer, lateViewer, visibleFrom } = await moments.cast()
    const id = await moments.moment(robotId)
    // The right that was granted first is not the one with the lowest id or the first row.
    await moments.db
      .updateTable('access')
      .set({ granted_at: new Date(0) })
      .where('robot_id', '=', robotId)
      .where('user_id', '=', lateViewer.id)
      .execute()
    await erase(owner)
    const own = async (person: Person) => (await person.get<Robot>(`/robots/${robotId}`)).body
    expect(await own(lateViewer)).toMatchObject({ right: 'owner', visibleFrom: visibleFrom.toISOString() })
    expect((await own(viewer)).right).toBe('viewer')
    expect((await viewer.get(`/moments/${id}`)).status).toBe(200)
  })

  it('makes no viewer an owner when another owner is left', async () => {
    const { robotId, owner, viewer, lateViewer } = await moments.cast()
    await moments.grant(robotId, lateViewer, 'owner')
    await erase(owner)
    expect((await viewer.get<Robot>(`/robots/${robotId}`)).body.right).toBe('viewer')
  })

  it('passes the robot to a user of it, never to one whose right was revoked earlier', async () => {
    const { robotId, owner, viewer, lateViewer, revoked } = await moments.cast()
    await moments.revoke(robotId, viewer)
    await erase(owner)
    expect((await lateViewer.get<Robot>(`/robots/${robotId}`)).body.right).toBe('owner')
    for (const person of [viewer, revoked]) expect((await person.get(`/robots/${robotId}`)).status).toBe(403)
  })
})

describe('erasing the only user of a robot', () => {
  it('erases the robot with moments of every kind, with a receipt for each and no actor', async () => {
    const { robotId, owner, viewer, lateViewer, revoked } = await moments.cast()
    for (const person of [viewer, lateViewer]) await moments.revoke(robotId, person)
    const live = [await moments.moment(robotId), await moments.moment(robotId, { pinned: true })]
    const expired = await moments.moment(robotId, { expiresAt: new Date(0) })
    const trashed = await moments.moment(robotId)
    await trash(trashed, owner)
    for (const id of [...live, trashed]) {
      for (const person of [owner, viewer]) await mark(person, robotId, id)
    }
    await erase(owner)
    for (const text of [robotId, owner.id, viewer.id, revoked.id]) expect(await traces(text)).toEqual([])
    await whenAllIsSent()
    const told = async (id: string) =>
      (await published(id)).map(({ type, entityversion, actorid }) => [type, entityversion, actorid])
    for (const id of [...live, expired]) {
      expect(await told(id)).toEqual([
        ['moments.moment.deleted', 2, undefined],
        ['moments.moment.purged', 3, undefined],
      ])
    }
    // Its deletion was published when it was deleted.
    expect(await told(trashed)).toEqual([['moments.moment.purged', 2, undefined]])
    const [deleted, purged] = await published(live[0] ?? '')
    expect(deleted?.data).toMatchObject({ uuid: live[0], deletedAt: expect.any(String), media: [{ kind: 'image' }] })
    expect(purged?.data).toMatchObject({ uuid: live[0], robotUUID: robotId, media: [{ uuid: expect.any(String) }] })
    for (const event of await published(live[0] ?? '')) expect(JSON.stringify(event)).not.toContain(owner.id)
  })

  it('hides the moments at once, and is complete only when each one is purged and each upload is deleted', async () => {
    const [robotId, owner] = [await moments.robot(), moments.platform.person()]
    await moments.grant(robotId, owner, 'owner')
    const ids = [await moments.moment(robotId), await moments.moment(robotId), await moments.moment(robotId)]
    const at = new Date()
    const upload = { id: randomUUID(), robot_id: robotId, kind: 'image' as const, content_type: 'image/jpeg', bytes: 4 }
    await moments.db
      .insertInto('upload')
      .values({ ...upload, sha256: 'x', object_key: randomUUID(), url_expires_at: at, created_at: at })
      .execute()
    expect((await owner.delete('/user-data')).status).toBe(204)
    const part = async () => {
      const { body } = await erasureOf(root, owner)
      return body.services.find(({ service }) => service === 'moments')
    }
    await eventually(async () => {
      for (const { purge_started_at } of await momentsOf(robotId)) expect(purge_started_at).not.toBeNull()
    })
    for (const id of ids) expect((await owner.get(`/moments/${id}`)).status).toBe(404)
    await eventually(async () => expect(await part()).toMatchObject({ state: 'working', erased: 6 }))
    // Other erasures go on meanwhile.
    await erase(moments.platform.person())
    expect(await robotsNamed(robotId)).toHaveLength(1)
    await moments.db.deleteFrom('upload').where('id', '=', upload.id).execute()
    await completed(root, owner)
    // Three moments twice (trash and tombstone), and the robot.
    expect(await part()).toMatchObject({ state: 'completed', erased: 7 })
    expect(await traces(robotId)).toEqual([])
  })

  it('refuses captures of an erased robot until a service gives it to another user', async () => {
    const [robotId, owner, next] = [await moments.robot(), moments.platform.person(), moments.platform.person()]
    await moments.grant(robotId, owner, 'owner')
    await erase(owner)
    const media = [{ kind: 'image', uri: 'https://robots.example/1.jpg' }]
    const capture = { robotUUID: robotId, sourceId: 'late', type: 'photo', capturedAt: new Date().toISOString(), media }
    const refused = await moments.service.post('/moments', capture)
    expect([refused.status, refused.body.errors[0]?.message]).toEqual([410, 'The robot was erased with its user.'])
    const files = [{ kind: 'image', contentType: 'image/jpeg', bytes: 4, sha256: 'a'.repeat(64) }]
    expect((await moments.service.post(`/robots/${robotId}/uploads`, { files })).status).toBe(410)
    expect(await traces(robotId)).toEqual([])
    const granted = await moments.service.put(`/robots/${robotId}/access/${next.id}`, { right: 'owner' })
    expect(granted.status).toBe(204)
    expect((await moments.service.post('/moments', capture)).status).toBe(201)
  })

  it('keeps the robot for a user who gets a right before it is gone', async () => {
    // The right may come between any two steps of a batch.
    for (let round = 0; round < 5; round++) {
      const [robotId, owner, friend] = [await moments.robot(), moments.platform.person(), moments.platform.person()]
      await moments.grant(robotId, owner, 'owner')
      await moments.moment(robotId)
      expect((await owner.delete('/user-data')).status).toBe(204)
      await eventually(async () => expect((await momentsOf(robotId))[0]?.purge_started_at).not.toBeNull())
      const granted = await moments.service.put(`/robots/${robotId}/access/${friend.id}`, { right: 'viewer' })
      expect(granted.status).toBe(204)
      await completed(root, owner)
      expect((await friend.get<Robot>(`/robots/${robotId}`)).body.right).toBe('owner')
      expect(await traces(owner.id)).toEqual([])
    }
  })

  it('erases a robot that is shared by two persons with the second of them, also when both go at once', async () => {
    const [robotId, ana, ben] = [await moments.robot(), moments.platform.person(), moments.platform.person()]
    for (const person of [ana, ben]) await moments.grant(robotId, person, 'owner')
    await moments.moment(robotId)
    await Promise.all([erase(ana), erase(ben)])
    for (const text of [robotId, ana.id, ben.id]) expect(await traces(text)).toEqual([])
  })
})

describe('a revoked right', () => {
  it('erases nothing by itself, and goes alone with its person while the robot has another user', async () => {
    const { robotId, owner, viewer, lateViewer, revoked } = await moments.cast()
    const id = await moments.moment(robotId)
    await erase(revoked)
    expect(await traces(revoked.id)).toEqual([])
    for (const person of [owner, viewer, lateViewer]) await moments.revoke(robotId, person)
    await erase(viewer)
    // No right is left, but the owner had one and may get it back.
    expect(await traces(viewer.id)).toEqual([])
    await moments.grant(robotId, owner, 'owner')
    expect((await owner.get(`/moments/${id}`)).status).toBe(200)
  })

  it('takes the robot with it when nobody else has ever had one', async () => {
    const [robotId, ana] = [await moments.robot(), moments.platform.person()]
    await moments.grant(robotId, ana, 'owner')
    await moments.revoke(robotId, ana)
    await moments.moment(robotId)
    await erase(ana)
    expect(await robotsNamed(robotId)).toEqual([])
    expect(await traces(robotId)).toEqual([])
  })
})

describe('an erasure', () => {
  it('can be repeated: the second one takes what is new', async () => {
    const { robotId, owner, viewer } = await moments.cast()
    const id = await moments.moment(robotId)
    await mark(viewer, robotId, id)
    await erase(viewer)
    await erase(viewer)
    expect((await owner.put(`/robots/${robotId}/access/${viewer.id}`, { right: 'viewer' })).status).toBe(204)
    expect((await viewer.get(`/moments/${id}`)).status).toBe(200)
    await mark(viewer, robotId, id)
    await erase(viewer)
    expect(await traces(viewer.id)).toEqual([])
    expect((await owner.get(`/moments/${id}`)).status).toBe(200)
  })

  it('follows the end of an account, which stays in no table', async () => {
    const signUp = { email: `${randomUUID()}@example.com`, password: 'correct horse battery staple' }
    const { body } = await moments.platform.nobody.post<{ id: string; apiKey: string }>('/accounts', signUp)
    const client = new Client(moments.platform.url, () => ({ 'x-api-key': body.apiKey }))
    const [robotId, accountId] = [await moments.robot(), body.id]
    await moments.grant(robotId, { id: accountId }, 'owner')
    await moments.moment(robotId)
    await eventually(async () => expect(await traces(accountId)).toContain('account'))
    expect((await client.delete('/accounts/me')).status).toBe(204)
    await completed(root, { id: accountId })
    // The account's own event may come after the erasure.
    await eventually(async () => {
      const handled = await query(
        `select from event_log.record as record join moments.inbox as inbox on inbox.event_id = record.value::json ->> 'id'
         where record.key = $1 and record.value like '%accounts.account.deleted%'`,
        [accountId],
      )
      expect(handled).toHaveLength(1)
    })
    for (const text of [accountId, robotId]) expect(await traces(text)).toEqual([])
  })
})
