import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type Person, type Platform, startPlatform } from '@platform/testing/platform.ts'
import type { Group } from '../src/groups/shapes.ts'
import { newGroup } from './make-group.ts'

let platform: Platform
beforeAll(async () => {
  platform = await startPlatform({ services: ['moderation'] })
})
afterAll(() => platform.stop())

interface Listed {
  userId: string
  isMuted: boolean
  isAdmin: boolean
}

/** A group with its owner, an admin, a participant, and somebody who is not in it. */
async function cast(groupType = 'Public') {
  const [owner, admin, member, stranger] = Array.from({ length: 4 }, () => platform.person()) as [
    Person,
    Person,
    Person,
    Person,
  ]
  const { body } = await owner.post<Group>('/groups', { ...newGroup(), groupType })
  const path = `/groups/${body.id}`
  for (const person of [admin, member]) await owner.post(`${path}/participants`, { userId: person.id })
  await owner.post(`${path}/participants/${admin.id}/admin`)
  return { owner, admin, member, stranger, path, place: (person: Person) => `${path}/participants/${person.id}` }
}

const count = async (person: Person, path: string) => (await person.get<Group>(path)).body.participantsCount
const listed = async (person: Person, path: string, query = '') =>
  (await person.get<Listed[]>(`${path}/participants${query}`)).body

describe('following', () => {
  it('may be repeated, both ways, and counts once', async () => {
    const { stranger, path } = await cast()
    for (const _ of [1, 2]) expect((await stranger.post(`${path}/follow`)).status).toBe(204)
    expect(await count(stranger, path)).toBe(4)
    for (const _ of [1, 2]) expect((await stranger.delete(`${path}/follow`)).status).toBe(204)
    expect(await count(stranger, path)).toBe(3)
  })

  it('is not for the owner to end: 409', async () => {
    const { owner, path } = await cast()
    expect((await owner.delete(`${path}/follow`)).status).toBe(409)
  })

  it('opens no Private group, and lets a participant leave it twice', async () => {
    const { member, stranger, path } = await cast('Private')
    expect((await stranger.post(`${path}/follow`)).status).toBe(404)
    expect((await stranger.delete(`${path}/follow`)).status).toBe(404)
    for (const _ of [1, 2]) expect((await member.delete(`${path}/follow`)).status).toBe(204)
    expect((await member.get(path)).status).toBe(404)
  })

  it('counts a storm of followers exactly', async () => {
    const { owner, path } = await cast()
    const people = Array.from({ length: 30 }, () => platform.person())
    await Promise.all(
      people.flatMap((person, i) => [
        person.post(`${path}/follow`),
        person.post(`${path}/follow`),
        ...(i % 3 === 0 ? [person.delete(`${path}/follow`)] : []),
      ]),
    )
    const after = await listed(owner, path)
    expect(await count(owner, path)).toBe(after.length)
    expect(new Set(after.map(({ userId }) => userId)).size).toBe(after.length)
    await Promise.all(people.map((person) => person.delete(`${path}/follow`)))
    expect(await count(owner, path)).toBe(3)
  })

  it('makes an admin who left and came back a plain participant, and keeps a mute', async () => {
    const { owner, admin, member, path, place } = await cast()
    await admin.post(`${place(member)}/mute`)
    for (const person of [admin, member]) {
      await person.delete(`${path}/follow`)
      await person.post(`${path}/follow`)
    }
    expect(await listed(owner, path)).toEqual([
      { userId: owner.id, isAdmin: true, isMuted: false },
      { userId: admin.id, isAdmin: false, isMuted: false },
      { userId: member.id, isAdmin: false, isMuted: true },
    ])
  })
})

describe('GET …/participants', () => {
  it('shows a Private group to its participants only', async () => {
    const { member, stranger, path } = await cast('Private')
    expect((await member.get(`${path}/participants`)).status).toBe(200)
    expect((await stranger.get(`${path}/participants`)).status).toBe(404)
  })

  it('filters by isMuted', async () => {
    const { owner, member, path, place } = await cast()
    await owner.post(`${place(member)}/mute`)
    expect((await listed(owner, path, '?isMuted=true')).map(({ userId }) => userId)).toEqual([member.id])
    expect(await listed(owner, path, '?isMuted=false')).toHaveLength(2)
    expect((await owner.get(`${path}/participants?isMuted=1x`)).status).toBe(400)
    expect(await listed(owner, path, '?limit=1&page=1')).toHaveLength(1)
  })
})

type Role = 'owner' | 'admin' | 'member' | 'stranger'
const ROLES: Role[] = ['owner', 'admin', 'member', 'stranger']

describe('what is done with participants', () => {
  // The status for [owner, admin, member, stranger], each on a fresh group.
  const rules: [string, 'POST' | 'DELETE', Role, string, number[]][] = [
    ['bring somebody in', 'POST', 'stranger', 'add', [204, 204, 403, 403]],
    ['remove a participant', 'DELETE', 'member', '', [204, 204, 403, 403]],
    ['remove an admin', 'DELETE', 'admin', '', [204, 403, 403, 403]],
    ['remove the owner', 'DELETE', 'owner', '', [409, 409, 403, 403]],
    ['remove a stranger', 'DELETE', 'stranger', '', [404, 404, 403, 403]],
    ['mute a participant', 'POST', 'member', '/mute', [204, 204, 403, 403]],
    ['mute the owner', 'POST', 'owner', '/mute', [409, 409, 403, 403]],
    ['mute a stranger', 'POST', 'stranger', '/mute', [404, 404, 403, 403]],
    ['unmute a participant', 'DELETE', 'member', '/mute', [204, 204, 403, 403]],
    ['make an admin', 'POST', 'member', '/admin', [204, 403, 403, 403]],
    ['make a stranger an admin', 'POST', 'stranger', '/admin', [404, 403, 403, 403]],
    ['take the admin right', 'DELETE', 'admin', '/admin', [204, 403, 403, 403]],
    ["take the owner's right", 'DELETE', 'owner', '/admin', [409, 403, 403, 403]],
  ]
  it.each(rules)('%s', async (_, method, target, action, expected) => {
    const statuses: number[] = []
    for (const role of ROLES) {
      const people = await cast()
      const { path, place } = people
      const userId = people[target].id
      const answer =
        action === 'add'
          ? await people[role].post(`${path}/participants`, { userId })
          : await people[role].send(method, `${place(people[target])}${action}`)
      statuses.push(answer.status)
    }
    expect(statuses).toEqual(expected)
  })

  it('knows nothing of a Private group for a stranger: 404 for each', async () => {
    const { member, stranger, path, place } = await cast('Private')
    for (const [method, url] of [
      ['DELETE', place(member)],
      ['POST', `${place(member)}/mute`],
      ['DELETE', `${place(member)}/mute`],
      ['POST', `${place(member)}/admin`],
      ['DELETE', `${place(member)}/admin`],
    ] as const) {
      expect((await stranger.send(method, url)).status).toBe(404)
    }
    expect((await stranger.post(`${path}/participants`, { userId: stranger.id })).status).toBe(404)
  })

  it('may all be repeated, and shows in the list', async () => {
    const { owner, member, path, place } = await cast()
    const state = async () => (await listed(owner, path)).find(({ userId }) => userId === member.id)
    for (const _ of [1, 2]) expect((await owner.post(`${place(member)}/mute`)).status).toBe(204)
    for (const _ of [1, 2]) expect((await owner.post(`${place(member)}/admin`)).status).toBe(204)
    expect(await state()).toMatchObject({ isMuted: true, isAdmin: true })
    for (const _ of [1, 2]) expect((await owner.delete(`${place(member)}/mute`)).status).toBe(204)
    for (const _ of [1, 2]) expect((await owner.delete(`${place(member)}/admin`)).status).toBe(204)
    expect(await state()).toMatchObject({ isMuted: false, isAdmin: false })
    for (const _ of [1, 2]) {
      expect((await owner.post(`${path}/participants`, { userId: member.id.toUpperCase() })).status).toBe(204)
    }
    expect(await count(owner, path)).toBe(3)
  })

  it('refuses what is no UUID', async () => {
    const { owner, path } = await cast()
    expect((await owner.post(`${path}/participants`, { userId: 'me' })).status).toBe(400)
    expect((await owner.post(`${path}/participants`, {})).status).toBe(400)
    expect((await owner.delete(`${path}/participants/me`)).status).toBe(400)
  })
})
