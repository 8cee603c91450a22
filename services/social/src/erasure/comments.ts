import { NOBODY } from '@platform/contracts/erasure.ts'
import { commentDeleted } from '@platform/contracts/social.ts'
import type { Step } from '@platform/erasure/erase.ts'
import { sql } from 'kysely'
import { publishComments } from '../comments/comments.ts'
import type { CommentRow, Db, SocialTables, Tx } from '../db/schema.ts'
import { enqueueDeletions } from '../deletions/queue.ts'

/** A person's comments, with what they said. Those that are deleted already are told once more, as with posts. */
export function eraseComments(which: 'live' | 'deleted'): Step<SocialTables> {
  return async (trx, { userId, limit, cause }) => {
    const found = await writtenCommentsQuery(trx, which, userId, limit).execute()
    if (found.length === 0) return 0
    const ids = found.map(({ id }) => id)
    const comments = await lockWithPosts(
      trx,
      found.map(({ post_id }) => post_id),
      ids,
    )
    const erased = await trx
      .updateTable('comment')
      .set((eb) => ({
        author_id: NOBODY,
        text: '',
        mentions: '[]',
        deleted_at: eb.fn.coalesce('deleted_at', eb.val(cause.at)),
        updated_at: cause.at,
        version: eb('version', '+', 1),
      }))
      .where('id', 'in', ids)
      .returningAll()
      .execute()
    await publishComments(trx, commentDeleted, erased, cause)
    const gone = comments.filter(({ deleted_at }) => deleted_at === null)
    await countDown(trx, 'post', 'comment_count', 'post_id', gone)
    await countDown(trx, 'comment', 'reply_count', 'parent_comment_id', gone)
    await enqueueDeletions(
      trx,
      'comment',
      gone.map(({ id }) => id),
      cause,
    )
    return found.length
  }
}

export function writtenCommentsQuery(db: Db, which: 'live' | 'deleted', userId: string, limit: number) {
  return db
    .selectFrom('comment')
    .select(['id', 'post_id'])
    .where('author_id', '=', userId)
    .where('deleted_at', which === 'deleted' ? 'is not' : 'is', null)
    .limit(limit)
}

/** A post's row before its comments, as everybody does; several of a kind by their ids. */
async function lockWithPosts(trx: Tx, postIds: string[], ids: string[]): Promise<CommentRow[]> {
  await trx.selectFrom('post').select('id').where('id', 'in', postIds).orderBy('id').forNoKeyUpdate().execute()
  return trx.selectFrom('comment').selectAll().where('id', 'in', ids).orderBy('id').forNoKeyUpdate().execute()
}

/** Takes the comments off what counts them: their posts, or the comments that they reply to. */
async function countDown(
  trx: Tx,
  table: 'post' | 'comment',
  counter: 'comment_count' | 'reply_count',
  column: 'post_id' | 'parent_comment_id',
  gone: CommentRow[],
): Promise<void> {
  const counted = gone.map((comment) => comment[column]).filter((id) => id !== null)
  if (counted.length === 0) return
  await sql`
    update ${sql.table(table)} set ${sql.ref(counter)} = ${sql.ref(counter)} - gone.count
    from (select id, count(*)::integer as count from unnest(${counted}::uuid[]) as each (id) group by id) as gone
    where ${sql.ref(`${table}.id`)} = gone.id`.execute(trx)
}
