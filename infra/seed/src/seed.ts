import { countGroups, planGroups, writeGroups } from './groups.ts'
import { prepareMaterial } from './material.ts'
import { countItems, writeModeration } from './moderation.ts'
import { writeMoments, writeRobots } from './moments.ts'
import { countPosts, planPosts, writePosts } from './posts.ts'
import { planComments, planLikes, writeComments, writeLikes } from './reactions.ts'
import { inSession, type Progress } from './session.ts'
import type { Sizes } from './sizes.ts'
import { vacuum } from './vacuum.ts'

/**
 * Adds people, groups, posts, comments, likes, robots and moments to a migrated database, as if they had come by the API over the last
 * three years: counts, totals, versions and every service's copy agree with each other. A few large groups and popular
 * posts have most of it. Nothing is published, since the copies are there already. Nobody has an account.
 *
 * First everything is planned, in temporary tables and by numbers, and then written once, in the order of time: as it
 * would lie on disk, and without a second version of any row.
 *
 * @param url of a login that may write in every schema
 */
export async function seed(url: string, sizes: Sizes, progress: Progress = () => {}): Promise<void> {
  await inSession(url, progress, async (session) => {
    await prepareMaterial(session, sizes)
    await planGroups(session, sizes)
    await planPosts(session, sizes)
    await planComments(session, sizes)
    await planLikes(session, sizes)
    await writeGroups(session)
    await writePosts(session)
    await writeComments(session)
    await writeLikes(session)
    await writeModeration(session)
    await writeRobots(session, sizes)
    await writeMoments(session, sizes)
    await countPosts(session)
    // These rows are shared with everybody who writes.
    await countItems(session)
    await countGroups(session)
  })
  await vacuum(url, progress)
}
