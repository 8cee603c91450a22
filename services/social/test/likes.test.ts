import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Database } from '@platform/db/database.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { type Platform, startPlatform } from '@platform/testing/platform.ts'
import { onServer } from '@platform/testing/server.ts'
import { sql } from 'kysely'
import type { SocialTables } from '../src/db/schema.ts'
import type { Like } from '../src/likes/shapes.ts'
import { makeComment, makePost } from './cast.ts'
import { openSocial } from './database.ts'

let platform: Platform
let social: Database<SocialTables>
beforeAll(async () => {
  platform = await startPlatform({ services: ['moderation'] })
  social = openSocial(platform.database)
})
afterAll(async () => {
  await social.close()
  await platform.stop()
})

interface Told {
  type: string
  subject: string
  source: string
  actorid: string
  entityversion: number
  data: { likeCount: number }
}

/** The events of a key in the order of their ids, from the log. */
async function published(key: string, count: number): Promise<Told[]> {
  return eventually(async () => {
    const { rows } = await onServer(platform.database.adminUrl, (client) =>
      client.query<{ value: string }>('select value from event_log.record where key = $1 order by "offset"', [key]),
    )
    const told = rows.map(({ value }): Told => JSON.parse(value)).filter(({ subject }) => subject === `${key}/likes`)
    expect(told).toHaveLength(count)
    return told
  })
}

/** A post or a comment on one: where it is liked, and how often. */
const KINDS = [
  { kind: 'post' as const, at: (postId: string) => `/posts/${postId}` },
  { kind: 'comment' as const, at: (postId: string, commentId: string) => `/posts/${postId}/comments/${commentId}` },
]

describe.each(KINDS)('likes of a $kind', ({ kind, at }) => {
  const make = async () => {
    const ana = platform.person()
    const postId = await makePost(ana)
    const commentId = await makeComment(ana, postId)
    return { ana, id: kind === 'post' ? postId : commentId, path: at(postId, commentId) }
  }
  const countOf = async (path: string) => (await platform.person().get<{ likeCount: number }>(path)).body.likeCount

  it('by many at once are told in the order in which they were counted', async () => {
    const { id, path } = await make()
    const people = Array.from({ length: 12 }, () => platform.person())
    const answers = await Promise.all(people.flatMap((person) => [1, 2, 3].map(() => person.post(`${path}/like`))))
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    const told = await published(id, 36)
    expect(told.map(({ entityversion }) => entityversion)).toEqual(told.map((_, n) => n + 1))
    let count = 0
    for (const { type, data } of told) {
      count += type === `social.${kind}.liked` ? 1 : -1
      expect(data.likeCount).toBe(count)
    }
    expect(count).toBe(12)
    expect(await countOf(path)).toBe(12)
  })

  it('count once with an Idempotency-Key, which gives the first answer again', async () => {
    const [{ id, path }, ben] = [await make(), platform.person()]
    const key = { 'idempotency-key': `like ${id}`.replace(' ', '-') }
    const first = await ben.post<Like>(`${path}/like`, undefined, key)
    expect(first).toMatchObject({ status: 200, body: { isLiked: true } })
    const again = await Promise.all([1, 2].map(() => ben.post<Like>(`${path}/like`, undefined, key)))
    expect(again.map(({ body }) => body)).toEqual([first.body, first.body])
    expect(await countOf(path)).toBe(1)
    const [told] = await published(id, 1)
    expect(told).toMatchObject({ type: `social.${kind}.liked`, source: '/services/social', actorid: ben.id })
  })

  it.each([['as it is'], ['with a key']])('leave nothing behind when it is deleted meanwhile: %s', async (how) => {
    const [{ id, path }, ben] = [await make(), platform.person()]
    const headers = how === 'with a key' ? { 'idempotency-key': id } : undefined
    const table = sql.table(kind)
    const answer = await social.db.transaction().execute(async (trx) => {
      await sql`update ${table} set deleted_at = now() where id = ${id}`.execute(trx)
      const liking = ben.post(`${path}/like`, undefined, headers)
      await eventually(async () => {
        const { rows } = await sql`
          select from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock' and query like '%_like%'`.execute(social.db)
        expect(rows).toHaveLength(1)
      })
      return { liking }
    })
    expect((await answer.liking).status).toBe(404)
    const { rows } = await sql`select from post_like where user_id = ${ben.id}
      union all select from comment_like where user_id = ${ben.id}`.execute(social.db)
    expect(rows).toHaveLength(0)
    await sql`update ${table} set deleted_at = null where id = ${id}`.execute(social.db)
    expect((await ben.post<Like>(`${path}/like`, undefined, headers)).body.isLiked).toBe(true)
  })
})
