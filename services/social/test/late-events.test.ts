import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { erasedPersonId, erasurePartEvents, erasureRequested } from '@platform/contracts/erasure.ts'
import { groupDeleted } from '@platform/contracts/groups.ts'
import { postDeleted } from '@platform/contracts/social.ts'
import type { CloudEvent } from '@platform/events/cloud-event.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { onServer } from '@platform/testing/server.ts'
import { type SocialAlone, startSocialAlone } from './social-alone.ts'

/** What is told of somebody that arrives after this service's part of their erasure is done. */

let alone: SocialAlone
beforeAll(async () => {
  alone = await startSocialAlone()
})
afterAll(() => alone.stop())

const BEFORE = '2026-01-01T10:00:00.000Z'
const AFTER = '2999-01-01T10:00:00.000Z'

/** What was published on a topic under a key. */
async function published(topic: string, key: string): Promise<CloudEvent[]> {
  const { rows } = await onServer(alone.database.adminUrl, (client) =>
    client.query<{ value: string }>(
      'select value from event_log.record where topic = $1 and key = $2 order by "offset"',
      [topic, key],
    ),
  )
  return rows.map(({ value }) => JSON.parse(value))
}

/** Requests an erasure as the groups service does, and waits for the part. */
async function erase(userId: string): Promise<void> {
  const id = randomUUID()
  const data = { id, userId, services: ['groups', 'social', 'moderation'], requestedAt: BEFORE }
  await alone.send(erasureRequested, { subject: id, data })
  await eventually(async () => {
    const told = await published(erasurePartEvents('social').completed.topic, id)
    expect(told.at(-1)?.type).toBe(erasurePartEvents('social').completed.type)
  })
}

/** A group with a post of somebody else. */
async function groupWithPost(): Promise<{ groupId: string; postId: string }> {
  const [groupId, member] = [randomUUID(), alone.person()]
  alone.groups.tell(groupId, member.id, { version: 1 })
  const { status, body } = await member.post<{ id: string }>(`/groups/${groupId}/posts`, { text: 'Hello' })
  expect(status).toBe(201)
  return { groupId, postId: body.id }
}

function deleteGroup(groupId: string, actorid: string, time: string): Promise<void> {
  const data = {
    id: groupId,
    name: 'Runners',
    description: 'We run.',
    shortName: 'runners',
    postRules: 'Everyone' as const,
    groupType: 'Private' as const,
    ownerId: randomUUID(),
    contentRevision: 1,
    createdAt: BEFORE,
    updatedAt: time,
    deletedAt: time,
  }
  return alone.send(groupDeleted, { subject: groupId, data, actorid, time, entityversion: 2 })
}

/** How the post's delete is told. */
const deletion = (postId: string) =>
  eventually(async () => {
    const told = (await published(postDeleted.topic, postId)).at(-1)
    expect(told?.type).toBe(postDeleted.type)
    return told
  })

describe("a group's delete that arrives after the part of whoever deleted it", () => {
  it('goes on without them if they did it before', async () => {
    const userId = randomUUID()
    const { groupId, postId } = await groupWithPost()
    await erase(userId)
    await onServer(alone.database.adminUrl, async (client) => {
      await client.query('begin')
      await client.query('select from social.post where id = $1 for update', [postId])
      await deleteGroup(groupId, userId, BEFORE)
      await eventually(async () => {
        const left = await alone.social.db.selectFrom('deletion').selectAll().where('target_id', '=', groupId).execute()
        expect(left).toMatchObject([{ kind: 'group', actor_id: null }])
      })
    })
    expect(await deletion(postId)).not.toHaveProperty('actorid')
  })

  it('is theirs if they did it after they had come back', async () => {
    const userId = randomUUID()
    const { groupId, postId } = await groupWithPost()
    await erase(userId)
    await deleteGroup(groupId, userId, AFTER)
    expect(await deletion(postId)).toHaveProperty('actorid', userId)
  })
})

describe("an answer about somebody's place", () => {
  it('is not kept when an event tells meanwhile that they were erased', async () => {
    const [groupId, ana] = [randomUUID(), alone.person()]
    const erasedId = erasedPersonId(groupId, ana.id)
    alone.groups.tell(groupId, ana.id, { version: 1 })
    let posting: Promise<unknown> | undefined
    await onServer(alone.database.adminUrl, async (client) => {
      await client.query('begin')
      // As the handler of participants' events does, which would be faster than any test.
      await client.query(
        `insert into social.participant (group_id, user_id, is_admin, is_muted, version)
         values ($1, $2, false, false, 1)`,
        [groupId, ana.id],
      )
      posting = ana.post(`/groups/${groupId}/posts`, { text: 'x' })
      await eventually(async () => {
        const { rowCount } = await client.query(
          "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
        )
        expect(rowCount).toBe(1)
      })
      await client.query(
        'update social.participant set user_id = $3, version = 2, deleted_at = now() where group_id = $1 and user_id = $2',
        [groupId, ana.id, erasedId],
      )
      await client.query('commit')
    })
    expect(await posting).toMatchObject({ status: 404 })
    const places = alone.social.db.selectFrom('participant').select(['user_id', 'version'])
    expect(await places.where('group_id', '=', groupId).execute()).toEqual([{ user_id: erasedId, version: 2 }])
  })
})
