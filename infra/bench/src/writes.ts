import { randomUUID } from 'node:crypto'
import { seed } from '@platform/seed/seed.ts'
import { completeSizes } from '@platform/seed/sizes.ts'
import { startProcesses } from '@platform/testing/processes.ts'
import pg from 'pg'
import { load } from './load.ts'
import { pgbench, requirePgbench } from './pgbench.ts'
import { report } from './report.ts'
import { BENCH_ENV, sign } from './requests.ts'
import { alternate, compared, ratioOf } from './rounds.ts'
import { startBenchDatabase } from './surroundings.ts'

/**
 * What a like costs: many people toggle theirs on one post, straight at the social service, beside pgbench with nothing
 * but the update of the count, on another post of the same database and with as many connections. Both wait for the
 * same: the row's lock, and the disk at each commit. Rounds alternate; medians are compared; then the numbers have to be
 * exact.
 */

const CONNECTIONS = 10
const PEOPLE = 500
const UPDATE = `update post set like_count = like_count + 1, like_version = like_version + 1
  where id = :post and deleted_at is null returning like_count, like_version;`

await requirePgbench()
const database = await startBenchDatabase()
const admin = new pg.Client({ connectionString: database.adminUrl })
try {
  await seed(database.adminUrl, completeSizes({ posts: 10_000 }))
  await admin.connect()
  const [liked, updated] = await profilePosts(2)
  if (!liked || !updated) throw new Error('There are no profile posts.')
  const processes = await startProcesses({ database, names: ['social'], env: BENCH_ENV })
  try {
    const { url } = processes.get('social')
    const people = Array.from({ length: PEOPLE }, () => randomUUID())
    const path = `/posts/${liked.id}/like`
    const ofService = (seconds: number) =>
      load(
        url,
        people.map((userId) => sign('POST', path, userId)),
        { connections: CONNECTIONS, seconds },
      )
    const ofPgbench = (seconds: number) =>
      pgbench({
        url: database.urlFor('social'),
        script: UPDATE.replaceAll(/\s+/g, ' '),
        values: { post: updated.id },
        connections: CONNECTIONS,
        seconds,
      })
    const { rounds, answers: toggles } = await alternate(ofPgbench, ofService)
    const ratio = ratioOf(rounds)
    const after = await likesOf(liked.id)
    const wrong = Math.abs(after.kept - after.counted) + Math.abs(after.version - liked.version - toggles)
    console.log(`${toggles} toggles, ${after.counted} likes`)
    report('writes', compared('pgbench, the update of the count', 'social, POST /posts/{postId}/like', rounds), [
      { what: 'toggles/s of transactions/s', reached: ratio, wanted: { atLeast: 0.3 } },
      { what: 'difference between the kept numbers and the likes', reached: wrong, wanted: { atMost: 0 } },
    ])
  } finally {
    await processes.stop()
  }
} finally {
  await admin.end()
  await database.stop()
}

async function profilePosts(count: number): Promise<{ id: string; version: number }[]> {
  const { rows } = await admin.query<{ id: string; version: number }>(
    `select id, like_version as version from social.post
     where group_id is null and original_post_id is null and deleted_at is null limit $1`,
    [count],
  )
  return rows
}

async function likesOf(postId: string): Promise<{ kept: number; counted: number; version: number }> {
  const { rows } = await admin.query<{ kept: number; counted: number; version: number }>(
    `select like_count as kept, like_version as version,
       (select count(*)::integer from social.post_like where post_id = post.id) as counted
     from social.post where id = $1`,
    [postId],
  )
  const [likes] = rows
  if (!likes) throw new Error('The post is gone.')
  return likes
}
