import { commentUnliked, postUnliked } from '@platform/contracts/social.ts'
import type { Step } from '@platform/erasure/erase.ts'
import type { EventType } from '@platform/events/event-type.ts'
import { publishAll } from '@platform/events/outbox.ts'
import { sql } from 'kysely'
import type { PostRow, SocialTables, Tx } from '../db/schema.ts'
import { toCommentLikes, toPostLikes } from '../likes/likes-state.ts'
import { SOURCE } from '../posts/post-events.ts'

/** What people like, and how it is told that one does no more. */
interface Liked<Row, State> {
  table: 'post' | 'comment'
  unliked: EventType<State>
  toState: (row: Row) => State
}

/** A person's likes of one kind. The likes' rows come first and what is liked last, as with everybody who likes. */
function eraseLikes<Row extends Pick<PostRow, 'id' | 'like_version'>, State>({
  table,
  unliked,
  toState,
}: Liked<Row, State>): Step<SocialTables> {
  const [likes, likedId] = [sql.table(`${table}_like`), sql.ref(`${table}_id`)]
  return async (trx, { userId, limit, cause }) => {
    const found = await sql<{ id: string }>`
      select ${likedId} as id from ${likes} where user_id = ${userId} limit ${limit}`.execute(trx)
    if (found.rows.length === 0) return 0
    const taken = await sql<{ id: string }>`
      delete from ${likes} where user_id = ${userId} and ${likedId} = any(${idsOf(found.rows)}::uuid[])
      returning ${likedId} as id`.execute(trx)
    const counted = await countOff<Row>(trx, table, idsOf(taken.rows))
    const events = counted.map((row) => ({
      type: unliked,
      source: SOURCE,
      subject: `${row.id}/likes`,
      key: row.id,
      entityVersion: row.like_version,
      data: toState(row),
    }))
    await publishAll(trx, events, cause)
    return found.rows.length
  }
}

export const erasePostLikes = eraseLikes({
  table: 'post',
  unliked: postUnliked,
  toState: toPostLikes,
})

export const eraseCommentLikes = eraseLikes({
  table: 'comment',
  unliked: commentUnliked,
  toState: toCommentLikes,
})

const idsOf = (rows: { id: string }[]) => rows.map(({ id }) => id)

/** One like less on each that is not deleted; a person has one like of a thing. */
async function countOff<Row>(trx: Tx, table: 'post' | 'comment', ids: string[]): Promise<Row[]> {
  if (ids.length === 0) return []
  await trx.selectFrom(table).select('id').where('id', 'in', ids).orderBy('id').forNoKeyUpdate().execute()
  const { rows } = await sql<Row>`
    update ${sql.table(table)} set like_count = like_count - 1, like_version = like_version + 1
    where id = any(${ids}::uuid[]) and deleted_at is null
    returning *`.execute(trx)
  return rows
}
