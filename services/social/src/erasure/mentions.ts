import { commentDeleted, commentEdited, postDeleted, postEdited } from '@platform/contracts/social.ts'
import type { Step } from '@platform/erasure/erase.ts'
import type { EventType } from '@platform/events/event-type.ts'
import type { Cause } from '@platform/events/outbox.ts'
import { type SqlBool, sql } from 'kysely'
import { publishComments } from '../comments/comments.ts'
import type { Db, PostRow, SocialTables, Tx } from '../db/schema.ts'
import { publishPosts } from '../posts/post-events.ts'

/** What mentions people, and how it is told that it has changed. */
interface Mentioning<Row, State> {
  table: 'post' | 'comment'
  edited: EventType<State>
  deleted: EventType<State>
  publish: (trx: Tx, type: EventType<State>, rows: Row[], cause: Cause) => Promise<void>
}

/**
 * Where others mention the person, also in what is deleted. What they wrote stays as it is, and so do its revision and
 * its time: nobody has edited it, so moderation has nothing new to decide on. What they wrote themselves goes as a whole.
 */
function eraseMentions<Row extends Pick<PostRow, 'deleted_at'>, State>({
  table,
  edited,
  deleted,
  publish,
}: Mentioning<Row, State>): Step<SocialTables> {
  return async (trx, { userId, limit, cause }) => {
    const found = await findMentioning(trx, table, userId, limit)
    if (found.length === 0) return 0
    await trx.selectFrom(table).select('id').where('id', 'in', found).orderBy('id').forNoKeyUpdate().execute()
    const { rows } = await sql<Row>`
      update ${sql.table(table)} set mentions = ${withoutMentionsOf(userId)}, version = version + 1
      where id = any(${found}::uuid[])
      returning *`.execute(trx)
    await publish(
      trx,
      edited,
      rows.filter(({ deleted_at }) => deleted_at === null),
      cause,
    )
    await publish(
      trx,
      deleted,
      rows.filter(({ deleted_at }) => deleted_at !== null),
      cause,
    )
    return found.length
  }
}

export const erasePostMentions = eraseMentions({
  table: 'post',
  edited: postEdited,
  deleted: postDeleted,
  publish: publishPosts,
})

export const eraseCommentMentions = eraseMentions({
  table: 'comment',
  edited: commentEdited,
  deleted: commentDeleted,
  publish: publishComments,
})

async function findMentioning(db: Db, table: 'post' | 'comment', userId: string, limit: number): Promise<string[]> {
  const found = await db
    .selectFrom(table)
    .select('id')
    // As the index says it.
    .where(sql<SqlBool>`mentions <> '[]'`)
    .where(sql<SqlBool>`mentions @> ${JSON.stringify([{ mentionedUserId: userId }])}::jsonb`)
    .where('author_id', '!=', userId)
    .limit(limit)
    .execute()
  return found.map(({ id }) => id)
}

/** The other mentions, in their order. */
function withoutMentionsOf(userId: string) {
  return sql`(
    select coalesce(jsonb_agg(mention order by place), '[]')
    from jsonb_array_elements(mentions) with ordinality as each (mention, place)
    where mention ->> 'mentionedUserId' <> ${userId}
  )`
}
