import { sql } from 'kysely'
import type { PostRow, Tx } from '../db/schema.ts'

/** A post before and after a change; absent: not there yet, or not any more. */
export interface Move {
  from?: PostRow
  to?: PostRow
}

/**
 * Counts posts where they are now instead of where they were. The last step of a command: these rows are shared by many
 * posts, so nobody should wait long for them. They are changed in one order, so that nobody waits in a circle.
 */
export async function moveTotals(trx: Tx, moves: Move[]): Promise<void> {
  const groups = new Map<string, { published: number; suggested: number }>()
  const users = new Map<string, { created: number; reposted: number }>()
  const count = (post: PostRow | undefined, difference: 1 | -1) => {
    if (!post || post.deleted_at) return
    if (post.group_id !== null) {
      if (post.status === 'declined') return
      const total = groups.get(post.group_id) ?? { published: 0, suggested: 0 }
      groups.set(post.group_id, total)
      total[post.status] += difference
    } else {
      const total = users.get(post.author_id) ?? { created: 0, reposted: 0 }
      users.set(post.author_id, total)
      total[post.original_post_id === null ? 'created' : 'reposted'] += difference
    }
  }
  for (const { from, to } of moves) {
    count(from, -1)
    count(to, 1)
  }
  const groupRows = sorted(groups)
    .filter(([, { published, suggested }]) => published !== 0 || suggested !== 0)
    .map(([group_id, total]) => ({ group_id, published_count: total.published, suggested_count: total.suggested }))
  if (groupRows.length > 0) {
    await trx
      .insertInto('group_total')
      .values(groupRows)
      .onConflict((oc) =>
        oc.column('group_id').doUpdateSet({
          published_count: sql`group_total.published_count + excluded.published_count`,
          suggested_count: sql`group_total.suggested_count + excluded.suggested_count`,
        }),
      )
      .execute()
  }
  const userRows = sorted(users)
    .filter(([, { created, reposted }]) => created !== 0 || reposted !== 0)
    .map(([user_id, total]) => ({ user_id, created_count: total.created, reposted_count: total.reposted }))
  if (userRows.length > 0) {
    await trx
      .insertInto('user_total')
      .values(userRows)
      .onConflict((oc) =>
        oc.column('user_id').doUpdateSet({
          created_count: sql`user_total.created_count + excluded.created_count`,
          reposted_count: sql`user_total.reposted_count + excluded.reposted_count`,
        }),
      )
      .execute()
  }
}

const sorted = <T>(totals: Map<string, T>): [string, T][] => [...totals].sort(([a], [b]) => a.localeCompare(b))
