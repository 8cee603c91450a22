import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type Database, openDatabase } from '@platform/db/database.ts'
import type { GroupRow } from '@platform/groups/db/schema.ts'
import { toGroupState } from '@platform/groups/groups/group-view.ts'
import { createLogger } from '@platform/log/logger.ts'
import { toCommentState } from '@platform/social/comments/comment-view.ts'
import type { CommentRow, PostRow, SocialTables } from '@platform/social/db/schema.ts'
import { toPostState } from '@platform/social/posts/post-view.ts'
import { findDrift } from '@platform/social/totals/recount.ts'
import { type Platform, startPlatform } from '@platform/testing/platform.ts'
import pg from 'pg'
import { seed } from '../src/seed.ts'
import { completeSizes } from '../src/sizes.ts'

const SIZES = completeSizes({
  users: 120,
  groups: 25,
  posts: 1_000,
  comments: 900,
  likes: 2_000,
  robots: 6,
  moments: 600,
})

let platform: Platform
let admin: pg.Client
let social: Database<SocialTables>

beforeAll(async () => {
  platform = await startPlatform({ services: ['moderation'] })
  // What comes to a database that has something already is added to it.
  await seed(platform.database.adminUrl, SIZES)
  await seed(platform.database.adminUrl, SIZES)
  admin = new pg.Client({ connectionString: platform.database.adminUrl })
  await admin.connect()
  const log = createLogger({ service: 'test', level: 'silent', format: 'pretty' })
  social = openDatabase<SocialTables>({ url: platform.database.urlFor('social'), applicationName: 'test', log })
})
afterAll(async () => {
  await social.close()
  await admin.end()
  await platform.stop()
})

async function select<R extends pg.QueryResultRow>(text: string): Promise<R[]> {
  return (await admin.query<R>(text)).rows
}
const count = async (from: string) => (await select<{ count: number }>(`select count(*) from ${from}`))[0]?.count

describe('pnpm seed', () => {
  it('makes as much as it was asked for, every time', async () => {
    expect(await count('groups."group"')).toBe(50)
    expect(await count('social.post')).toBe(2_000)
    expect(await count('social.comment')).toBe(1_800)
    expect(await count('(select from social.post_like union all select from social.comment_like) as each')).toBe(4_000)
    expect(await count('moments.robot')).toBe(12)
    expect(await count('moments.moment')).toBe(1_200)
    expect(await count('(select distinct author_id from social.post) as author')).toBeLessThanOrEqual(240)
  })

  it('makes some of everything', async () => {
    expect(await select('select distinct status from social.post order by 1')).toEqual([
      { status: 'declined' },
      { status: 'published' },
      { status: 'suggested' },
    ])
    for (const some of [
      'social.post where original_post_id is not null and deleted_at is null',
      'social.post where deleted_at is not null',
      'social.post where content_revision > 1',
      'social.post where location is not null',
      `social.post where mentions <> '[]'`,
      'social.comment where parent_comment_id is not null',
      'groups.participant where is_muted',
      'groups.participant where deleted_at is not null',
      `groups."group" where group_type = 'Private'`,
      'groups."group" where position is not null',
      'moderation.transition',
      'moments.moment where expires_at is not null',
      'moments.moment where deleted_at is not null',
      'moments.mark where feedback = -1',
      'moments.mark where shared_at is not null',
      `moments.access where "right" = 'viewer'`,
    ]) {
      expect([some, await count(some)]).not.toEqual([some, 0])
    }
  })

  it('keeps numbers that a recount confirms', async () => {
    expect(await findDrift(social.db)).toEqual([])
    const wrong = `groups."group" where participants_count <> (
      select count(*) from groups.participant where group_id = "group".id and deleted_at is null)`
    expect(await count(wrong)).toBe(0)
    expect(await select('select sum(total) as total from groups.public_group_total')).toEqual(
      await select(`select count(*)::numeric as total from groups."group" where group_type = 'Public'`),
    )
    expect(
      await select(`select entity_type, status, sum(total)::integer as total from moderation.item_total
        group by 1, 2 order by 1, 2`),
    ).toEqual(
      await select(`select entity_type, status, count(*)::integer as total from moderation.item
        where deleted_at is null group by 1, 2 order by 1, 2`),
    )
  })

  it('counts views and shares of moments as a recount does', async () => {
    const wrong = `moments.moment where view_counter <> (select count(*) from moments.mark where moment_id = moment.id)
      or share_count <> (select count(*) from moments.mark where moment_id = moment.id and shared_at is not null)`
    expect(await count(wrong)).toBe(0)
    const odd = `moments.moment where (cardinality(transitions) % 2 = 1) <> (deleted_at is null)`
    expect(await count(odd)).toBe(0)
  })

  it("leaves social's copy as the groups' events would", async () => {
    const group = 'id, owner_id, post_rules, group_type, version, deleted_at'
    expect(
      await count(`(select ${group} from groups."group" except select ${group} from social."group") as late`),
    ).toBe(0)
    const place = 'group_id, user_id, is_admin, is_muted, version, deleted_at'
    const [owners, copy] = [`select ${place} from groups.participant`, `select ${place} from social.participant`]
    expect(await count(`(${owners} except ${copy}) as late`)).toBe(0)
    expect(await count(`(${copy} except ${owners}) as invented`)).toBe(0)
  })

  it("leaves moderation's copy as the events of its content would", async () => {
    const items = await select<Item>('select * from moderation.item')
    const posts = await select<PostRow>('select * from social.post')
    const comments = await select<CommentRow>('select * from social.comment')
    const groups = await select<GroupRow>('select * from groups."group"')
    const uncounted = { like_count: 0, comment_count: 0, repost_count: 0, reply_count: 0 }
    const expected = [
      ...posts.map((row) => toItem('post', row, row.author_id, toPostState({ ...row, ...uncounted }))),
      ...comments.map((row) => toItem('comment', row, row.author_id, toCommentState({ ...row, ...uncounted }))),
      ...groups.map((row) => toItem('group', row, row.owner_id, toGroupState(row))),
    ]
    const found = new Map(items.map((item) => [item.entity_id, item]))
    expect(items).toHaveLength(expected.length)
    for (const item of expected) expect(found.get(item.entity_id)).toMatchObject(item)
    const moved = 'entity_type, entity_id, subject_id, content_revision'
    const standing = `select ${moved}, status, status_since, transition_count from moderation.item where transition_count > 0`
    const records = `select ${moved}, new_status, created_at, number from moderation.transition`
    expect(await count(`(${standing} except ${records}) as unrecorded`)).toBe(0)
    expect(await count('moderation.transition')).toBe(await count('moderation.item where transition_count > 0'))
  })

  it('is shown by the services', async () => {
    const [busiest] = await select<{ group_id: string }>(`
      select group_id from social.group_total join social."group" on id = group_id
      where group_type = 'Public' order by published_count desc limit 1`)
    const [discussed] = await select<{ id: string }>(`
      select id from social.post where group_id = '${busiest?.group_id}' order by comment_count desc limit 1`)
    const reader = platform.person()
    const paths = [
      `/groups/${busiest?.group_id}/feed`,
      `/groups/${busiest?.group_id}/participants`,
      `/posts/${discussed?.id}/comments`,
      `/posts/${discussed?.id}/likes`,
      '/groups',
    ]
    for (const path of paths) {
      const { status, body } = await reader.get<{ items?: unknown[] }>(path)
      expect([path, status]).toEqual([path, 200])
      expect(JSON.stringify(body)).toMatch(/[0-9a-f]{8}-/)
    }
    const moderator = platform.person({ roles: ['moderator'] })
    expect((await moderator.get(`/moderation/posts/${discussed?.id}/transitions`)).status).toBe(200)
  })
})

interface Item {
  entity_type: string
  entity_id: string
  subject_id: string
  content: object
  content_revision: number
  content_version: number
  status: string
  transition_count: number
  created_at: Date
  deleted_at: Date | null
}

type Owned = Pick<PostRow, 'id' | 'content_revision' | 'version' | 'moderation_status' | 'moderation_version'> &
  Pick<PostRow, 'created_at' | 'deleted_at'>

function toItem(type: string, row: Owned, subjectId: string, state: object): Item {
  return {
    entity_type: type,
    entity_id: row.id,
    subject_id: subjectId,
    content: JSON.parse(JSON.stringify(state)),
    content_revision: row.content_revision,
    content_version: row.version,
    status: row.moderation_status,
    transition_count: row.moderation_version,
    created_at: row.created_at,
    deleted_at: row.deleted_at,
  }
}
