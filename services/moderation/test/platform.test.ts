import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Page } from '@platform/http/paging.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { findKafkaBrokers, uniquePrefix } from '@platform/testing/kafka.ts'
import { type Person, type Platform, startPlatform } from '@platform/testing/platform.ts'
import type { ModeratedGroup } from '../src/groups/group-kind.ts'
import type { TransitionRecord } from '../src/transitions/transition-record.ts'

interface Group {
  id: string
  name: string
  moderationStatus: string
  moderated: boolean
}

async function createGroup(owner: Person): Promise<Group> {
  const shortName = `g_${randomBytes(6).toString('hex')}`
  const group = { name: 'Runners', description: 'We run.', shortName, postRules: 'Everyone' }
  const answer = await owner.post<Group>('/groups', group)
  expect(answer.status).toBe(201)
  return answer.body
}

const brokers = findKafkaBrokers()
const transports: { transport: string; env: Record<string, string> }[] = [{ transport: 'the embedded log', env: {} }]
if (brokers) {
  const env = { KAFKA_BROKERS: brokers, KAFKA_TOPIC_PREFIX: uniquePrefix() }
  transports.push({ transport: 'Kafka', env })
}

describe.each(transports)('through the gateway, with the real groups service and $transport', ({ env }) => {
  let platform: Platform
  let moderator: Person
  beforeAll(async () => {
    platform = await startPlatform({ services: ['moderation'], env })
    moderator = platform.person({ roles: ['moderator'] })
  })
  afterAll(() => platform.stop())

  const transition = (groupId: string, body: object, headers?: Record<string, string>) =>
    moderator.post<TransitionRecord>(`/moderation/groups/${groupId}/transitions`, body, headers)

  it('a rejected group is redacted for others; an edit brings it to review, and approval into sight', async () => {
    const [owner, reader] = [platform.person(), platform.person()]
    const group = await createGroup(owner)
    // At once: moderation may not have heard of it, and asks.
    const rejected = await transition(group.id, { status: 'rejected', reason: 'spam' })
    expect([rejected.status, rejected.headers.etag]).toEqual([200, '"1"'])
    await eventually(async () => {
      const { body } = await reader.get<Group>(`/groups/${group.id}`)
      expect(body).toMatchObject({ name: '[redacted]', moderated: true, moderationStatus: 'rejected' })
    })
    expect((await owner.get<Group>(`/groups/${group.id}`)).body).toMatchObject({ name: 'Runners', moderated: false })

    expect((await owner.patch(`/groups/${group.id}`, { name: 'Walkers' })).status).toBe(200)
    await eventually(async () => {
      const { body } = await owner.get<Group>(`/groups/${group.id}`)
      expect(body).toMatchObject({ moderationStatus: 'review' })
    })
    const trail = await moderator.get<Page<TransitionRecord>>(`/moderation/groups/${group.id}/transitions`)
    expect(trail.body.data[0]).toMatchObject({ newStatus: 'review', actorId: owner.id, reason: 'edited' })

    expect((await transition(group.id, { status: 'approved' }, { 'if-match': '"1"' })).status).toBe(409)
    expect((await transition(group.id, { status: 'approved' }, { 'if-match': '"2"' })).status).toBe(200)
    await eventually(async () => {
      const { body } = await reader.get<Group>(`/groups/${group.id}`)
      expect(body).toMatchObject({ name: 'Walkers', moderated: false, moderationStatus: 'approved' })
    })
  })

  it('reports flag a group, which then waits in the queue and in the list of its owner', async () => {
    const owner = platform.person()
    const group = await createGroup(owner)
    for (let reporter = 0; reporter < 3; reporter++) {
      const report = { entityType: 'group', entityId: group.id, reason: 'spam' }
      expect((await platform.person().post('/reports', report)).status).toBe(201)
    }
    const queue = await moderator.get<Page<{ entityId: string; openReportCount: number }>>('/moderation/queue')
    expect(queue.body.data).toEqual([expect.objectContaining({ entityId: group.id, openReportCount: 3 })])
    const list = await moderator.get<ModeratedGroup[]>(`/moderation/subjects/${owner.id}/groups`)
    expect(list.body).toEqual([expect.objectContaining({ id: group.id, name: 'Runners', moderationStatus: 'flagged' })])
  })

  it('a deleted group is gone, and its trail stays', async () => {
    const owner = platform.person()
    const group = await createGroup(owner)
    await transition(group.id, { status: 'flagged' })
    expect((await owner.delete(`/groups/${group.id}`)).status).toBe(204)
    await eventually(async () => expect((await transition(group.id, { status: 'flagged' })).status).toBe(404))
    const trail = await moderator.get<Page<TransitionRecord>>(`/moderation/groups/${group.id}/transitions`)
    expect(trail.body.total).toBe(1)
  })

  it('is not for users, nor for nobody', async () => {
    const group = await createGroup(platform.person())
    const path = `/moderation/groups/${group.id}/transitions`
    expect((await platform.person().post(path, { status: 'rejected' })).status).toBe(403)
    expect((await platform.nobody.post(path, { status: 'rejected' })).status).toBe(401)
    expect((await platform.nobody.post('/reports', {})).status).toBe(401)
  })
})
