import { type Batch, purge, purgeKeptAnswers, type Step } from '@platform/erasure/erase.ts'
import type { SocialTables, Tx } from '../db/schema.ts'
import { eraseComments } from './comments.ts'
import { eraseActor } from './deletions.ts'
import { eraseCommentLikes, erasePostLikes } from './likes.ts'
import { eraseCommentMentions, erasePostMentions } from './mentions.ts'
import { erasePosts } from './posts.ts'

/**
 * What the service knows of a person, in the order in which it goes: first their deletes, each batch of which tells of
 * them; what hangs on a post before the post, since deleting that would tell of them once more. Their places in groups
 * are not here: they are copies, and follow the groups service.
 */
export const ERASURE_STEPS: Step<SocialTables>[] = [
  eraseActor,
  erasePostMentions,
  eraseCommentMentions,
  eraseComments('live'),
  eraseComments('deleted'),
  erasePosts('reposts'),
  erasePosts('posts'),
  erasePosts('deleted'),
  erasePostLikes,
  eraseCommentLikes,
  purge('post_hide', 'user_id'),
  purge('post_seen', 'user_id'),
  eraseTotals,
  purgeKeptAnswers(),
]

/** The kept numbers of posts, which are noughts by now; if they are not, somebody has just posted. */
async function eraseTotals(trx: Tx, { userId }: Batch): Promise<number> {
  const erased = await trx
    .deleteFrom('user_total')
    .where('user_id', '=', userId)
    .where('created_count', '=', 0)
    .where('reposted_count', '=', 0)
    .executeTakeFirst()
  return Number(erased.numDeletedRows)
}
