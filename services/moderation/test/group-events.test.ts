import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { GroupState } from '@platform/contracts/groups.ts'
import { listParked } from '@platform/events/parked.ts'
import type { Page } from '@platform/http/paging.ts'
import { eventually } from '@platform/testing/eventually.ts'
import type { TransitionRecord } from '../src/transitions/transition-record.ts'
import { groupEvent, type Harness, newGroupState, startHarness } from './harness.ts'

let moderation: Harness
beforeAll(async () => {
  moderation = await startHarness()
})
afterAll(() => moderation.stop())

const pathOf = (groupId: string) => `/moderation/groups/${groupId}/transitions`

async function decide(groupId: string, status: string): Promise<TransitionRecord> {
  const answer = await moderation.moderator.post<TransitionRecord>(pathOf(groupId), { status })
  expect(answer.status).toBe(200)
  return answer.body
}

async function trailOf(groupId: string): Promise<TransitionRecord[]> {
  return (await moderation.moderator.get<Page<TransitionRecord>>(pathOf(groupId))).body.data
}

function itemOf(groupId: string) {
  return moderation.db
    .selectFrom('item')
    .select(['content', 'content_revision', 'content_version', 'status', 'deleted_at'])
    .where('entity_id', '=', groupId)
    .executeTakeFirst()
}

/** Resolves when the service has this version of the group. */
async function handled(group: GroupState, version: number): Promise<void> {
  await eventually(async () => expect((await itemOf(group.id))?.content_version).toBe(version))
}

/** Resolves when the service has noted that it handled this event, whatever that changed. */
async function isHandled(eventId: string): Promise<void> {
  await eventually(async () => {
    const row = await moderation.db
      .selectFrom('inbox')
      .select('event_id')
      .where('event_id', '=', eventId)
      .executeTakeFirst()
    expect(row).toBeDefined()
  })
}

describe('an edit', () => {
  it('of rejected content moves it to review, with the editor as actor, and publishes that', async () => {
    const editor = randomUUID()
    const group = await moderation.group()
    await decide(group.id, 'rejected')
    await moderation.edit(group, {}, editor)
    const [review] = await trailOf(group.id)
    expect(review).toMatchObject({
      previousStatus: 'rejected',
      newStatus: 'review',
      actorId: editor,
      subjectId: group.ownerId,
      reason: 'edited',
      contentRevision: 2,
    })
    await eventually(() => expect(moderation.published(group.id)).toHaveLength(2))
    expect(moderation.published(group.id)[1]).toMatchObject({ entityversion: 2, actorid: editor, data: review })
  })

  it('that nobody signed counts as the author’s', async () => {
    const group = await moderation.group()
    await decide(group.id, 'rejected')
    const state = { ...group, contentRevision: 2 }
    await moderation.send(groupEvent(state, 2, { actorid: undefined }))
    await eventually(async () => expect(await trailOf(group.id)).toHaveLength(2))
    expect((await trailOf(group.id))[0]?.actorId).toBe(group.ownerId)
  })

  it('that people cannot see leaves rejected content where it is', async () => {
    const group = await moderation.group()
    await decide(group.id, 'rejected')
    await moderation.edit(group, { contentRevision: 1, postRules: 'OnlyAdmin' })
    expect(await trailOf(group.id)).toHaveLength(1)
  })

  it.each(['review', 'flagged', 'approved'])('leaves content in %s where it is', async (status) => {
    const group = await moderation.group()
    await decide(group.id, status)
    await moderation.edit(group)
    expect(await trailOf(group.id)).toHaveLength(1)
    expect(await itemOf(group.id)).toMatchObject({ status, content_revision: 2 })
  })

  it('takes effect once when its event comes twice', async () => {
    const group = await moderation.group()
    await decide(group.id, 'rejected')
    const event = groupEvent({ ...group, contentRevision: 2 }, 2)
    await moderation.send(event)
    await isHandled(event.id)
    await decide(group.id, 'approved')
    await decide(group.id, 'rejected')
    await moderation.send(event)
    // The same version under another id, as a republish would have it, is no news either.
    const again = groupEvent({ ...group, contentRevision: 2 }, 2, { snapshot: true })
    await moderation.send(again)
    await isHandled(again.id)
    expect((await trailOf(group.id)).map(({ newStatus }) => newStatus)).toEqual([
      'rejected',
      'approved',
      'review',
      'rejected',
    ])
  })
})

describe('events out of order', () => {
  it('older never overwrites newer', async () => {
    const group = await moderation.edit(await moderation.group(), { name: 'Newer' })
    const late = groupEvent({ ...group, name: 'Older', contentRevision: 1 }, 1)
    await moderation.send(late)
    await isHandled(late.id)
    expect(await itemOf(group.id)).toMatchObject({ content_version: 2, content: { name: 'Newer' } })
  })

  it('a version that is missing is waited for', async () => {
    const group = await moderation.group()
    const third = groupEvent({ ...group, name: 'Third', contentRevision: 3 }, 3)
    await moderation.send(third)
    await eventually(async () => {
      const parked = await listParked(moderation.db, { consumer: 'moderation' })
      expect(parked).toEqual([expect.objectContaining({ key: group.id, reason: 'gap' })])
    })
    expect(await itemOf(group.id)).toMatchObject({ content_version: 1 })
    await moderation.send(groupEvent({ ...group, name: 'Second', contentRevision: 2 }, 2))
    await handled(group, 3)
    expect(await itemOf(group.id)).toMatchObject({ content: { name: 'Third' } })
    expect(await listParked(moderation.db, { consumer: 'moderation' })).toEqual([])
  })

  it('those from before what was asked for change nothing', async () => {
    const state = newGroupState({ name: 'Third', contentRevision: 3 })
    moderation.groups.groups.set(state.id, { version: 3, state })
    await decide(state.id, 'rejected')
    for (const version of [1, 2, 3]) {
      const event = groupEvent({ ...state, name: `Version ${version}`, contentRevision: version }, version)
      await moderation.send(event)
      await isHandled(event.id)
    }
    expect(await itemOf(state.id)).toMatchObject({ status: 'rejected', content: { name: 'Third' } })
    await moderation.send(groupEvent({ ...state, contentRevision: 4 }, 4))
    await handled(state, 4)
    expect(await itemOf(state.id)).toMatchObject({ status: 'review' })
  })

  it('a snapshot of a group that was never heard of is taken as it is', async () => {
    const state = newGroupState({ contentRevision: 7 })
    await moderation.send(groupEvent(state, 9, { snapshot: true }))
    await handled(state, 9)
    expect(await itemOf(state.id)).toMatchObject({ content_revision: 7, status: 'posted' })
  })
})

it('an event with a shape of its own is parked, and the other groups go on', async () => {
  const broken = newGroupState()
  await moderation.send({ ...groupEvent(broken, 1), data: { ...broken, ownerId: 'nobody' } })
  await moderation.group()
  await eventually(async () => {
    const parked = await listParked(moderation.db, { consumer: 'moderation' })
    expect(parked).toEqual([expect.objectContaining({ key: broken.id, reason: 'invalid' })])
  })
})

it('keeps exact totals through all of this', async () => {
  const group = await moderation.group()
  await moderation.edit(group, { deletedAt: '2026-02-01T00:00:00.000Z' })
  const { kept, counted } = await moderation.totals()
  expect(kept).toEqual(counted)
})
