import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Page } from '@platform/http/paging.ts'
import type { ModeratedGroup } from '../src/groups/group-kind.ts'
import { type Harness, startHarness } from './harness.ts'

interface Entry {
  entityType: string
  entityId: string
  subjectId: string
  status: string
  statusSince: string
  contentRevision: number
  openReportCount: number
  reports: { reason: string; comment: string | null; createdAt: string }[]
  content: ModeratedGroup
}

let moderation: Harness
beforeAll(async () => {
  moderation = await startHarness()
})
afterAll(() => moderation.stop())

async function queue(query = ''): Promise<Page<Entry>> {
  const answer = await moderation.moderator.get<Page<Entry>>(`/moderation/queue${query}`)
  expect(answer.status).toBe(200)
  return answer.body
}

const idsOf = ({ data }: Page<Entry>) => data.map(({ entityId }) => entityId)

async function decide(groupId: string, status: string): Promise<void> {
  moderation.advance(60)
  const answer = await moderation.moderator.post(`/moderation/groups/${groupId}/transitions`, { status })
  expect(answer.status).toBe(200)
}

describe('GET /moderation/queue', () => {
  it('is empty at first, and does not show what nobody has doubted', async () => {
    await moderation.group()
    expect(await queue()).toMatchObject({ data: [], total: 0 })
    expect(await queue('?status=posted')).toMatchObject({ total: 1 })
  })

  it('gives what waits, oldest first by when it came to wait, with its content', async () => {
    const [first, second, third, decided] = [
      await moderation.group({ name: 'First' }),
      await moderation.group({ groupType: 'Private', location: { lat: 52.5, lng: 13.4 } }),
      await moderation.group(),
      await moderation.group(),
    ]
    await decide(second.id, 'review')
    await decide(first.id, 'review')
    await decide(third.id, 'flagged')
    await decide(decided.id, 'flagged')
    await decide(decided.id, 'approved')
    // An edit is no new beginning.
    const edited = await moderation.edit(second, { name: 'Renamed' })
    // To move on in the queue is.
    await decide(first.id, 'flagged')

    const page = await queue()
    expect(idsOf(page)).toEqual([second.id, third.id, first.id])
    expect(page).toMatchObject({ count: 3, total: 3, page: 0, limit: 10 })
    expect(page.data[0]).toEqual({
      entityType: 'group',
      entityId: second.id,
      subjectId: second.ownerId,
      status: 'review',
      statusSince: expect.any(String),
      contentRevision: 2,
      openReportCount: 0,
      reports: [],
      content: { ...edited, contentRevision: 2, moderationStatus: 'review' },
    })

    expect(idsOf(await queue('?status=review'))).toEqual([second.id])
    expect(idsOf(await queue('?status=flagged&entityType=group'))).toEqual([third.id, first.id])
    expect(idsOf(await queue('?status=approved'))).toEqual([decided.id])
    expect(await queue('?entityType=post')).toMatchObject({ data: [], total: 0 })
    expect(idsOf(await queue('?page=1&limit=2'))).toEqual([first.id])
    expect(await queue('?page=2147483647&limit=100')).toMatchObject({ data: [], total: 3 })

    await moderation.edit(third, { contentRevision: 1, deletedAt: '2026-02-01T00:00:00.000Z' })
    expect(idsOf(await queue())).toEqual([second.id, first.id])
    expect(await queue()).toMatchObject({ total: 2 })
  })

  it('shows how often something was reported, and the newest reasons, but not by whom', async () => {
    const group = await moderation.group()
    for (let number = 1; number <= 7; number++) {
      moderation.advance(60)
      const report = { entityType: 'group', entityId: group.id, reason: `Reason ${number}`, comment: null }
      expect((await moderation.caller().post('/reports', report)).status).toBe(201)
    }
    const entry = (await queue('?limit=100')).data.find(({ entityId }) => entityId === group.id)
    expect(entry).toMatchObject({ status: 'flagged', openReportCount: 7 })
    expect(entry?.reports.map(({ reason }) => reason)).toEqual([7, 6, 5, 4, 3].map((number) => `Reason ${number}`))
    expect(Object.keys(entry?.reports[0] ?? {})).toEqual(['reason', 'comment', 'createdAt'])
  })

  it.each(['status=gone', 'entityType=user', 'page=-1', 'limit=101', 'limit=0', 'status=review&status=flagged'])(
    'refuses ?%s',
    async (query) => {
      expect((await moderation.moderator.get(`/moderation/queue?${query}`)).status).toBe(400)
    },
  )
})

describe('GET /moderation/subjects/{subjectId}/groups', () => {
  const list = async (subjectId: string) => {
    const answer = await moderation.moderator.get<ModeratedGroup[]>(`/moderation/subjects/${subjectId}/groups`)
    expect(answer.status).toBe(200)
    return answer.body
  }

  it("gives an owner's groups in review, flagged or rejected, newest first and unredacted", async () => {
    const { ownerId, ...posted } = await moderation.group()
    const made = async (day: number, status: string) => {
      const createdAt = `2026-03-0${day}T00:00:00.000Z`
      const group = await moderation.group({ ownerId, createdAt, description: `Day ${day}` })
      await decide(group.id, status)
      return { ...group, moderationStatus: status }
    }
    const [review, rejected, , flagged, deleted] = [
      await made(1, 'review'),
      await made(2, 'rejected'),
      await made(3, 'approved'),
      await made(4, 'flagged'),
      await made(5, 'rejected'),
    ]
    const { moderationStatus: _, ...state } = deleted
    await moderation.edit(state, { deletedAt: '2026-04-01T00:00:00.000Z' })
    expect(await list(ownerId.toUpperCase())).toEqual([flagged, rejected, review])
    expect(posted.id).toBeDefined()
  })

  it('is empty for somebody who is not known', async () => {
    expect(await list('00000000-0000-1000-9000-510d9bb07630')).toEqual([])
  })

  it('refuses an id that is none', async () => {
    expect((await moderation.moderator.get('/moderation/subjects/me/groups')).status).toBe(400)
  })
})

it('keeps exact totals through all of this', async () => {
  const { kept, counted } = await moderation.totals()
  expect(kept).toEqual(counted)
})
