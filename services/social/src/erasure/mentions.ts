import { commentDeleted, commentEdited, postDeleted, postEdited } from '@platform/contracts/social.ts'
import type { Batch, Step } from '@platform/erasure/erase.ts'
import { type SqlBool, sql } from 'kysely'
import { publishComments } from '../comments/comments.ts'
import type { Db, PostRow, SocialTables, Tx } from '../db/schema.ts'
import { publishPosts } from '../posts/post-events.ts'

/**
 * Where others mention the person, also in what is deleted. What they wrote stays as it is, and so do its revision and
 * its time: nobody has edited it, so moderation has nothing new to decide on. What they wrote themselves goes as a whole.
 */
export function eraseMentions(table: 'post' | 'comment'): Step<SocialTables> {
  return async (trx, { userId, limit, cause }) => {
    const found = await mentioningQuery(trx, table, userId, limit).execute()
    if (found.length === 0) return 0
    const ids = found.map(({ id }) => id)
    await trx.selectFrom(table).select('id').where('id', 'in', ids).orderBy('id').forNoKeyUpdate().execute()
    if (table === 'post') await erasePostMentions(trx, ids, userId, cause)
    else await eraseCommentMentions(trx, ids, userId, cause)
    return found.length
  }
}

export function mentioningQuery(db: Db, table: 'post' | 'comment', userId: string, limit: number) {
  return (
    db
      .selectFrom(table)
      .select('id')
      // As the index says it.
      .where(sql<SqlBool>`mentions <> '[]'`)
      .where(sql<SqlBool>`mentions @> ${JSON.stringify([{ mentionedUserId: userId }])}::jsonb`)
      .where('author_id', '!=', userId)
      .limit(limit)
  )
}

async function erasePostMentions(trx: Tx, ids: string[], userId: string, cause: Batch['cause']): Promise<void> {
  const changed = await trx
    .updateTable('post')
    .set({ mentions: withoutMentionsOf(userId), version: sql`version + 1` })
    .where('id', 'in', ids)
    .returningAll()
    .execute()
  const [deleted, live] = byDeletion(changed)
  await publishPosts(trx, postEdited, live, cause)
  await publishPosts(trx, postDeleted, deleted, cause)
}

async function eraseCommentMentions(trx: Tx, ids: string[], userId: string, cause: Batch['cause']): Promise<void> {
  const changed = await trx
    .updateTable('comment')
    .set({ mentions: withoutMentionsOf(userId), version: sql`version + 1` })
    .where('id', 'in', ids)
    .returningAll()
    .execute()
  const [deleted, live] = byDeletion(changed)
  await publishComments(trx, commentEdited, live, cause)
  await publishComments(trx, commentDeleted, deleted, cause)
}

/** The other mentions, in their order. */
function withoutMentionsOf(userId: string) {
  return sql<string>`(
    select coalesce(jsonb_agg(mention order by place), '[]')
    from jsonb_array_elements(mentions) with ordinality as each (mention, place)
    where mention ->> 'mentionedUserId' <> ${userId}
  )`
}

function byDeletion<R extends Pick<PostRow, 'deleted_at'>>(rows: R[]): [deleted: R[], live: R[]] {
  return [rows.filter(({ deleted_at }) => deleted_at !== null), rows.filter(({ deleted_at }) => deleted_at === null)]
}
