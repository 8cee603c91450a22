import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { eventually } from '@platform/testing/eventually.ts'
import type { TransitionRecord } from '../src/transitions/transition-record.ts'
import { type Harness, startHarness } from './harness.ts'

let moderation: Harness
beforeAll(async () => {
  moderation = await startHarness()
})
afterAll(() => moderation.stop())

const pathOf = (groupId: string) => `/moderation/groups/${groupId}/transitions`

describe('POST /moderation/groups/{groupId}/transitions', () => {
  it('moves the group, answers with the record and publishes it', async () => {
    const { moderator } = moderation
    const group = await moderation.group()
    const answer = await moderator.post<TransitionRecord>(pathOf(group.id), {
      status: 'rejected',
      reason: 'spam',
      comment: null,
    })
    expect(answer.status).toBe(200)
    expect(answer.headers.etag).toBe('"1"')
    expect(answer.body).toEqual({
      id: expect.any(String),
      entityType: 'group',
      entityId: group.id,
      subjectId: group.ownerId,
      actorId: moderator.id,
      previousStatus: 'posted',
      newStatus: 'rejected',
      reason: 'spam',
      comment: null,
      contentRevision: 1,
      createdAt: expect.any(String),
    })
    await eventually(() => expect(moderation.published(group.id)).toHaveLength(1))
    expect(moderation.published(group.id)[0]).toMatchObject({
      type: 'moderation.transition.recorded',
      source: '/services/moderation',
      subject: group.id,
      entityversion: 1,
      actorid: moderator.id,
      data: answer.body,
    })
  })
})
