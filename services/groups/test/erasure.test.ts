import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { NOBODY } from '@platform/contracts/erasure.ts'
import type { Refusal } from '@platform/testing/client.ts'
import { completed, erasureOf } from '@platform/testing/erasures.ts'
import { type Person, type Platform, startPlatform } from '@platform/testing/platform.ts'
import { onServer } from '@platform/testing/server.ts'
import type { Group } from '../src/groups/shapes.ts'
import { newGroup } from './make-group.ts'

let platform: Platform
let root: Person
beforeAll(async () => {
  platform = await startPlatform({ env: { ERASURE_BATCH_SIZE: '3' } })
  root = platform.person({ roles: ['admin'] })
})
afterAll(() => platform.stop())

interface Listed {
  userId: string
  isMuted: boolean
  isAdmin: boolean
}

/** A group of `owner` with these others in it, in this order. */
async function groupOf(owner: Person, others: Person[] = [], groupType = 'Public'): Promise<string> {
  const { body } = await owner.post<Group>('/groups', { ...newGroup(), groupType })
  for (const other of others) await owner.post(`/groups/${body.id}/participants`, { userId: other.id })
  return `/groups/${body.id}`
}

const people = (count: number) => Array.from({ length: count }, () => platform.person())
const makeAdmin = (owner: Person, path: string, person: Person) => owner.post(`${path}/participants/${person.id}/admin`)
const mute = (owner: Person, path: string, person: Person) => owner.post(`${path}/participants/${person.id}/mute`)
const read = async (person: Person, path: string) => (await person.get<Group>(path)).body
const listed = async (person: Person, path: string) => (await person.get<Listed[]>(`${path}/participants`)).body

async function erase(person: Person, query = ''): Promise<void> {
  expect((await person.delete(`/user-data${query}`)).status).toBe(204)
  await completed(root, person)
}

/** Counts kept and counted, of all groups. */
const drift = () =>
  onServer(platform.database.adminUrl, async (client) => {
    const { rows } = await client.query(`
      select id from groups."group" where participants_count <>
        (select count(*) from groups.participant where group_id = id and participant.deleted_at is null)
      union all
      select null from (select sum(total) as kept from groups.public_group_total) as total
      where kept <> (select count(*) from groups."group" where deleted_at is null and group_type = 'Public')`)
    return rows
  })

describe('GET /user-data', () => {
  it('is 204 for somebody who owns nothing, and for groups that can be passed on or deleted', async () => {
    const [ana, ben] = people(2) as [Person, Person]
    expect((await ana.get('/user-data')).status).toBe(204)
    await groupOf(ana)
    const shared = await groupOf(ana, [ben])
    await makeAdmin(ana, shared, ben)
    expect((await ana.get('/user-data')).status).toBe(204)
  })

  it('is 409 and names each group that has other participants and no other admin', async () => {
    const [ana, ben] = people(2) as [Person, Person]
    const [first, second] = [await groupOf(ana, [ben]), await groupOf(ana, [ben], 'Private')]
    const left = await groupOf(ana, [ben])
    await ben.delete(`${left}/follow`)
    const { status, body } = await ana.get('/user-data')
    expect(status).toBe(409)
    expect(body.errors.map(({ code }) => code)).toEqual(['conflict', 'conflict'])
    expect(body.errors.map(({ message }) => message)).toEqual(
      [first, second].map((path) => expect.stringContaining(path.slice('/groups/'.length))),
    )
    expect(body.errors[0]?.message).toContain('Runners')
  })

  it('takes an admin for the data of others, a credential, and a user id', async () => {
    const [ana, ben] = people(2) as [Person, Person]
    await groupOf(ana, [ben])
    const path = `/user-data?userId=${ana.id}`
    expect((await ana.get(path)).status).toBe(409)
    expect((await ana.get(path.toUpperCase().replace('/USER-DATA?USERID', '/user-data?userId'))).status).toBe(409)
    expect((await ben.get(path)).status).toBe(403)
    expect((await platform.person({ roles: ['moderator'] }).get(path)).status).toBe(403)
    expect((await root.get(path)).status).toBe(409)
    expect((await root.get(`/user-data?userId=${ben.id}`)).status).toBe(204)
    expect((await platform.nobody.get(path)).status).toBe(401)
    expect((await ana.get('/user-data?userId=ana')).status).toBe(400)
  })
})

describe('DELETE /user-data', () => {
  it('takes the same people, and refuses for the same reason, without a trace', async () => {
    const [ana, ben] = people(2) as [Person, Person]
    const path = await groupOf(ana, [ben])
    expect((await platform.nobody.delete('/user-data')).status).toBe(401)
    expect((await ben.delete(`/user-data?userId=${ana.id}`)).status).toBe(403)
    expect((await ana.delete('/user-data?force=perhaps')).status).toBe(400)
    for (const asking of [ana, root]) {
      const { status, body } = await asking.delete<Refusal>(`/user-data?userId=${ana.id}`)
      expect([status, body.errors[0]?.code]).toEqual([409, 'conflict'])
    }
    expect((await erasureOf(ana, ana)).status).toBe(404)
    expect((await read(ana, path)).ownerId).toBe(ana.id)
  })

  it('passes a group to its longest-standing admin, and leaves the others', async () => {
    const [ana, ben, cat, dan] = people(4) as [Person, Person, Person, Person]
    const own = await groupOf(ana, [ben, cat, dan])
    // Longest an admin is not longest in the group.
    await makeAdmin(ana, own, dan)
    await makeAdmin(ana, own, cat)
    const other = await groupOf(ben, [ana])
    await erase(ana)
    expect(await read(dan, own)).toMatchObject({ ownerId: cat.id, participantsCount: 3 })
    expect((await listed(ben, own)).map(({ userId }) => userId)).toEqual([ben.id, cat.id, dan.id])
    expect(await read(ben, other)).toMatchObject({ ownerId: ben.id, participantsCount: 1 })
    // The new owner may do what owners do.
    expect((await cat.post(`${own}/participants/${ben.id}/admin`)).status).toBe(204)
    expect((await cat.delete(own)).status).toBe(204)
    expect(await drift()).toEqual([])
  })

  it('deletes groups that nobody else is in, with what they said', async () => {
    const [ana, ben] = people(2) as [Person, Person]
    const paths = [await groupOf(ana), await groupOf(ana, [], 'Private'), await groupOf(ana, [ben])]
    await ben.delete(`${paths[2]}/follow`)
    await erase(ana)
    for (const path of paths) expect((await ana.get(path)).status).toBe(404)
    const ids = paths.map((path) => path.slice('/groups/'.length))
    const rows = await onServer(platform.database.adminUrl, async (client) => {
      const { rows } = await client.query(
        'select distinct owner_id, name, description, short_name from groups."group" where id = any($1)',
        [ids],
      )
      return rows
    })
    expect(rows).toEqual([{ owner_id: NOBODY, name: '', description: '', short_name: '' }])
    expect(await drift()).toEqual([])
  })

  it('with force passes groups in the way to the longest-standing participant, who becomes an admin and is heard', async () => {
    const [ana, ben, cat] = people(3) as [Person, Person, Person]
    const [path, hidden] = [await groupOf(ana, [ben, cat]), await groupOf(ana, [cat, ben], 'Private')]
    await mute(ana, path, ben)
    await erase(ana, '?force=true')
    expect(await read(cat, path)).toMatchObject({ ownerId: ben.id, participantsCount: 2 })
    expect(await listed(cat, path)).toEqual([
      { userId: ben.id, isMuted: false, isAdmin: true },
      { userId: cat.id, isMuted: false, isAdmin: false },
    ])
    expect((await read(ben, hidden)).ownerId).toBe(cat.id)
    expect(await drift()).toEqual([])
  })

  it('may be repeated, at once and later: nothing changes', async () => {
    const [ana, ben] = people(2) as [Person, Person]
    const path = await groupOf(ana, [ben])
    await makeAdmin(ana, path, ben)
    const answers = await Promise.all(Array.from({ length: 8 }, () => ana.delete('/user-data')))
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(204))
    await completed(root, ana)
    const versions = () =>
      onServer(platform.database.adminUrl, async (client) => {
        const { rows } = await client.query(
          `select version from groups."group" where id = $1 union all
           select version from groups.participant where group_id = $1 order by 1`,
          [path.slice('/groups/'.length)],
        )
        return rows.map(({ version }) => version)
      })
    const before = await versions()
    await erase(ana)
    expect(await versions()).toEqual(before)
    expect(await read(ben, path)).toMatchObject({ ownerId: ben.id, participantsCount: 1 })
  })

  it('lets people come back: as a plain participant, muted if they were', async () => {
    const [ana, ben] = people(2) as [Person, Person]
    const path = await groupOf(ana, [ben])
    await mute(ana, path, ben)
    await erase(ben)
    expect((await ben.post(`${path}/posts`, { text: 'x' })).status).toBe(403)
    expect((await ben.post(`${path}/follow`)).status).toBe(204)
    expect(await listed(ana, path)).toContainEqual({ userId: ben.id, isMuted: true, isAdmin: false })
    expect((await ben.post(`${path}/posts`, { text: 'x' })).status).toBe(403)
    await ana.delete(`${path}/participants/${ben.id}/mute`)
    expect((await ben.post(`${path}/posts`, { text: 'x' })).status).toBe(201)
    await erase(ben)
    expect((await read(ana, path)).participantsCount).toBe(1)
  })
})

describe('GET /user-data/erasures/{userId}', () => {
  it('says how far each service is, to the person and to admins', async () => {
    const [ana, ben] = people(2) as [Person, Person]
    expect((await erasureOf(ana, ana)).status).toBe(404)
    for (let i = 0; i < 4; i++) await groupOf(ana)
    await ana.post('/posts', { text: 'x' })
    expect((await ana.delete('/user-data')).status).toBe(204)
    const begun = (await erasureOf(ana, ana)).body
    expect(begun.services.map(({ service }) => service).sort()).toEqual(['groups', 'moderation', 'moments', 'social'])
    for (const { state } of begun.services) expect(['pending', 'working', 'completed']).toContain(state)
    const done = await completed(root, ana)
    expect(done).toMatchObject({ userId: ana.id, requestedAt: begun.requestedAt })
    expect(new Set(done.services.map(({ state }) => state))).toEqual(new Set(['completed']))
    const erased = Object.fromEntries(done.services.map((part) => [part.service, part.erased]))
    // Four groups and as many places; the post and its author's totals.
    expect(erased).toEqual({ groups: 8, social: 2, moderation: 0, moments: 0 })
    expect((await erasureOf(ben, ana)).status).toBe(403)
    expect((await platform.nobody.get(`/user-data/erasures/${ana.id}`)).status).toBe(401)
    expect((await ana.get('/user-data/erasures/ana')).status).toBe(400)
    expect((await erasureOf(root, ben)).status).toBe(404)
  })
})

describe('what happens between the request and the work', () => {
  it('ends in one of the outcomes, whoever joins, leaves, is promoted or demoted meanwhile', async () => {
    for (let round = 0; round < 12; round++) {
      const [ana, ben, cat] = people(3) as [Person, Person, Person]
      const path = await groupOf(ana, round % 2 === 0 ? [] : [ben])
      if (round % 4 === 1) await makeAdmin(ana, path, ben)
      const [answer] = await Promise.all([
        ana.delete(`/user-data`),
        cat.post(`${path}/follow`),
        round % 3 === 0 ? ben.delete(`${path}/follow`) : ben.post(`${path}/follow`),
        ana.post(`${path}/participants/${ben.id}/admin`),
        ana.post(`${path}/participants/${cat.id}/admin`),
        ana.delete(`${path}/participants/${ben.id}/admin`),
      ])
      if (answer.status === 409) {
        expect((await read(ana, path)).ownerId).toBe(ana.id)
        continue
      }
      expect(answer.status).toBe(204)
      await completed(root, ana)
      const group = await cat.get<Group>(path)
      if (group.status === 404) continue
      const participants = await listed(cat, path)
      expect(participants).toContainEqual({ userId: group.body.ownerId, isMuted: false, isAdmin: true })
      expect(participants.map(({ userId }) => userId)).not.toContain(ana.id)
      expect(group.body.participantsCount).toBe(participants.length)
    }
    expect(await drift()).toEqual([])
  })
})
