import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { DEVELOPMENT_SECRET } from '@platform/config/env.ts'
import type { Answer, Refusal } from '@platform/testing/client.ts'
import { eventually } from '@platform/testing/eventually.ts'
import type { Person } from '@platform/testing/platform.ts'
import { onServer } from '@platform/testing/server.ts'
import { ServiceCaller } from '@platform/testing/service-client.ts'
import type { Moment } from '../../src/moments/shapes.ts'
import type { Robot } from '../../src/robots/shapes.ts'
import { type MomentsPlatform, startMomentsPlatform } from '../harness.ts'

let moments: MomentsPlatform
beforeAll(async () => {
  moments = await startMomentsPlatform()
})
afterAll(() => moments.stop())

const refusal = ({ status, body }: Answer<Refusal>) => [status, body.errors[0]?.message]
const FORBIDDEN = [403, 'You cannot manage access to this robot']
const UNKNOWN = [404, 'Robot does not exist']

interface Access {
  userId: string
  right: string
  visibleFrom?: string
  grantedAt: string
}

/** Reads the rights as `[user, right]`. */
async function rights(person: Person, robotId: string): Promise<string[][]> {
  const { body } = await person.get<Access[]>(`/robots/${robotId}/access`)
  return body.map(({ userId, right }) => [userId, right])
}

const pathOf = (robotId: string, { id }: { id: string }) => `/robots/${robotId}/access/${id}`

describe('who manages the rights on a robot', () => {
  it('is a service or an owner of the robot', async () => {
    const { robotId, owner } = await moments.cast()
    for (const manager of [moments.service, owner]) {
      const friend = moments.platform.person()
      expect((await manager.put(pathOf(robotId, friend), { right: 'viewer' })).status).toBe(204)
      expect(await rights(manager, robotId)).toContainEqual([friend.id, 'viewer'])
      expect((await friend.get(`/robots/${robotId}`)).status).toBe(200)
      expect((await manager.delete(pathOf(robotId, friend))).status).toBe(204)
      expect(await rights(manager, robotId)).not.toContainEqual([friend.id, 'viewer'])
      expect((await friend.get(`/robots/${robotId}`)).status).toBe(403)
    }
  })

  it('is not a viewer, a person whose right was revoked, or a stranger', async () => {
    const { robotId, owner, viewer, lateViewer, revoked, stranger } = await moments.cast()
    const before = await rights(owner, robotId)
    for (const person of [viewer, lateViewer, revoked, stranger]) {
      expect(refusal(await person.get(`/robots/${robotId}/access`))).toEqual(FORBIDDEN)
      expect(refusal(await person.put(pathOf(robotId, person), { right: 'owner' }))).toEqual(FORBIDDEN)
      expect(refusal(await person.delete(pathOf(robotId, owner)))).toEqual(FORBIDDEN)
    }
    expect(await rights(owner, robotId)).toEqual(before)
  })

  it('is not a program whose key lacks the scope', async () => {
    const { robotId, stranger } = await moments.cast()
    const url = moments.platform.urls.moments ?? ''
    const scopes = ['moderation:write', 'moments:read']
    const program = new ServiceCaller(url, DEVELOPMENT_SECRET, { roles: ['user', 'service'], scopes })
    expect((await program.get(`/robots/${robotId}/access`)).status).toBe(403)
    expect((await program.put(pathOf(robotId, stranger), { right: 'owner' })).status).toBe(403)
    expect((await program.delete(pathOf(robotId, stranger))).status).toBe(403)
  })

  it('lists rights from the oldest on, with what is hidden, and without revoked ones', async () => {
    const { robotId, owner, viewer, lateViewer, visibleFrom } = await moments.cast()
    const { status, body } = await moments.service.get<Access[]>(`/robots/${robotId}/access`)
    expect(status).toBe(200)
    expect(body).toEqual([
      { userId: owner.id, right: 'owner', grantedAt: expect.any(String) },
      { userId: viewer.id, right: 'viewer', grantedAt: expect.any(String) },
      { userId: lateViewer.id, right: 'viewer', visibleFrom: visibleFrom.toISOString(), grantedAt: expect.any(String) },
    ])
  })
})

describe('PUT /robots/{robotUUID}/access/{userId}', () => {
  it('makes a robot known by the first grant of a service, and of nobody else', async () => {
    const [robotId, ana] = [randomUUID(), moments.platform.person()]
    expect(refusal(await ana.put(pathOf(robotId, ana), { right: 'owner' }))).toEqual(UNKNOWN)
    expect(refusal(await moments.service.get(`/robots/${robotId}/access`))).toEqual(UNKNOWN)
    expect(refusal(await moments.service.delete(pathOf(robotId, ana)))).toEqual(UNKNOWN)
    expect((await moments.service.put(pathOf(robotId.toUpperCase(), ana), { right: 'owner' })).status).toBe(204)
    expect((await ana.get<Robot[]>('/robots')).body).toEqual([{ uuid: robotId, timeZone: 'UTC', right: 'owner' }])
  })

  it('makes a robot known once when two grants meet', async () => {
    const [robotId, ana, ben] = [randomUUID(), moments.platform.person(), moments.platform.person()]
    const answers = await Promise.all(
      [ana, ben].map((person) => moments.service.put(pathOf(robotId, person), { right: 'owner' })),
    )
    expect(answers.map(({ status }) => status)).toEqual([204, 204])
    expect(await rights(moments.service, robotId)).toHaveLength(2)
  })

  it('may be repeated, and a repetition writes nothing', async () => {
    const { robotId, owner } = await moments.cast()
    const friend = moments.platform.person()
    const read = () =>
      moments.db
        .selectFrom('access')
        .selectAll()
        .where('robot_id', '=', robotId)
        .where('user_id', '=', friend.id)
        .execute()
    const input = { right: 'viewer', visibleFrom: '2026-01-01T00:00:00.000Z' }
    await owner.put(pathOf(robotId, friend), input)
    const first = await read()
    expect((await owner.put(pathOf(robotId, friend), input)).status).toBe(204)
    expect(await read()).toEqual(first)
    expect(first[0]?.changed_xid).not.toBe('0')
  })

  it('replaces right and visibleFrom, keeps the time of the first grant, and notes the change', async () => {
    const { robotId, owner } = await moments.cast()
    const friend = moments.platform.person()
    const read = () =>
      moments.db
        .selectFrom('access')
        .select(['granted_at', 'changed_xid', 'right', 'visible_from'])
        .where('robot_id', '=', robotId)
        .where('user_id', '=', friend.id)
        .executeTakeFirstOrThrow()
    await owner.put(pathOf(robotId, friend), { right: 'viewer', visibleFrom: '2026-01-01T00:00:00.000Z' })
    const first = await read()
    await owner.put(pathOf(robotId, friend), { right: 'owner' })
    const second = await read()
    expect(second).toMatchObject({ right: 'owner', visible_from: null, granted_at: first.granted_at })
    expect(BigInt(second.changed_xid) > BigInt(first.changed_xid)).toBe(true)
    await owner.delete(pathOf(robotId, friend))
    expect(BigInt((await read()).changed_xid) > BigInt(second.changed_xid)).toBe(true)
  })

  it.each([{}, { right: 'none' }, { right: 'viewer', visibleFrom: 'yesterday' }, { right: 'viewer', more: 1 }])(
    'refuses %j',
    async (input) => {
      const { robotId, owner, stranger } = await moments.cast()
      expect((await owner.put(pathOf(robotId, stranger), input)).status).toBe(400)
    },
  )

  it('refuses a leap second, which no instant here can stand for', async () => {
    const { robotId, owner, stranger } = await moments.cast()
    const input = { right: 'viewer', visibleFrom: '2016-12-31T23:59:60Z' }
    expect((await owner.put(pathOf(robotId, stranger), input)).status).toBe(400)
  })
})

describe('a right', () => {
  it('hides everything when it is revoked and shows everything again when it is renewed', async () => {
    const { robotId, owner, viewer } = await moments.cast()
    const id = await moments.moment(robotId)
    const status = async () => (await viewer.get<Moment>(`/moments/${id}`)).status
    expect(await status()).toBe(200)
    for (let i = 0; i < 2; i++) {
      expect((await owner.delete(pathOf(robotId, viewer))).status).toBe(204)
      expect(await status()).toBe(403)
    }
    expect((await owner.put(pathOf(robotId, viewer), { right: 'viewer' })).status).toBe(204)
    expect(await status()).toBe(200)
    await owner.put(pathOf(robotId, viewer), { right: 'viewer', visibleFrom: '2999-01-01T00:00:00.000Z' })
    expect(await status()).toBe(403)
  })
})

describe('the last owner of a robot', () => {
  it('can be neither removed nor demoted, not by a service either', async () => {
    const { robotId, owner } = await moments.cast()
    for (const manager of [owner, moments.service]) {
      const removed = await manager.delete(pathOf(robotId, owner))
      expect(refusal(removed)).toEqual([409, 'The last owner of a robot cannot be removed'])
      const demoted = await manager.put(pathOf(robotId, owner), { right: 'viewer' })
      expect(refusal(demoted)).toEqual([409, 'The last owner of a robot cannot become a viewer'])
    }
    expect(await rights(owner, robotId)).toContainEqual([owner.id, 'owner'])
  })

  it('can leave after another one was made, and can be confirmed as owner at any time', async () => {
    const { robotId, owner, viewer } = await moments.cast()
    expect((await owner.put(pathOf(robotId, owner), { right: 'owner' })).status).toBe(204)
    expect((await owner.put(pathOf(robotId, viewer), { right: 'owner' })).status).toBe(204)
    expect((await owner.delete(pathOf(robotId, owner))).status).toBe(204)
    expect((await viewer.delete(pathOf(robotId, viewer))).status).toBe(409)
  })

  /**
   * Starts requests while the test holds the rights' rows, and lets go when all of them wait for a lock. Without the
   * robot's lock each request would have counted the owners by then.
   */
  async function atOnce(robotId: string, requests: (() => Promise<Answer<Refusal>>)[]): Promise<number[]> {
    const answers: Promise<Answer<Refusal>>[] = []
    await onServer(moments.platform.database.adminUrl, async (client) => {
      await client.query('begin')
      await client.query('select from moments.access where robot_id = $1 for update', [robotId])
      answers.push(...requests.map((request) => request()))
      await eventually(async () => {
        const { rowCount } = await client.query(
          `select from pg_stat_activity
           where datname = current_database() and application_name = 'moments' and wait_event_type = 'Lock'`,
        )
        expect(rowCount).toBe(requests.length)
      })
      await client.query('commit')
    })
    return (await Promise.all(answers)).map(({ status }) => status)
  }

  const ownersOf = async (robotId: string) =>
    (await rights(moments.service, robotId)).filter(([, right]) => right === 'owner')

  it.each(['removed', 'demoted'])('remains when two owners are %s by each other at once', async (how) => {
    const { robotId, owner, viewer } = await moments.cast()
    await moments.grant(robotId, viewer, 'owner')
    const change = (by: Person, of: Person) => () =>
      how === 'removed' ? by.delete(pathOf(robotId, of)) : by.put(pathOf(robotId, of), { right: 'viewer' })
    const statuses = await atOnce(robotId, [change(owner, viewer), change(viewer, owner)])
    // The second request comes from a person who owns the robot no more.
    expect(statuses.sort()).toEqual([204, 403])
    expect(await ownersOf(robotId)).toHaveLength(1)
  })

  it.each(['removed', 'demoted'])('remains when a service has two owners %s at once', async (how) => {
    const { robotId, owner, viewer } = await moments.cast()
    await moments.grant(robotId, viewer, 'owner')
    const change = (of: Person) => () =>
      how === 'removed'
        ? moments.service.delete(pathOf(robotId, of))
        : moments.service.put(pathOf(robotId, of), { right: 'viewer' })
    expect((await atOnce(robotId, [change(owner), change(viewer)])).sort()).toEqual([204, 409])
    expect(await ownersOf(robotId)).toHaveLength(1)
  })
})

it('lets no owner widen their own view, or give another person a wider one', async () => {
  const [robotId, owner, friend] = [await moments.robot(), moments.platform.person(), moments.platform.person()]
  const visibleFrom = new Date('2026-05-01T00:00:00Z')
  await moments.grant(robotId, owner, 'owner', visibleFrom)
  for (const person of [owner, friend]) {
    for (const wider of [{}, { visibleFrom: '2026-04-30T23:59:59Z' }]) {
      const { status, body } = await owner.put(`/robots/${robotId}/access/${person.id}`, { right: 'owner', ...wider })
      expect([status, body.errors[0]?.message]).toEqual([403, 'You cannot give a right that begins before your own'])
    }
  }
  const same = { right: 'viewer', visibleFrom: visibleFrom.toISOString() }
  expect((await owner.put(`/robots/${robotId}/access/${friend.id}`, same)).status).toBe(204)
})
