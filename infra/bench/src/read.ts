import { seed } from '@platform/seed/seed.ts'
import { completeSizes } from '@platform/seed/sizes.ts'
import { FROM_THE_START, feedQuery } from '@platform/social/posts/feed.ts'
import { startProcesses } from '@platform/testing/processes.ts'
import pg from 'pg'
import { compiler } from './compiler.ts'
import { load } from './load.ts'
import { pgbench, requirePgbench, toPgbench } from './pgbench.ts'
import { report } from './report.ts'
import { BENCH_ENV, sign } from './requests.ts'
import { compared, type Pair, ROUNDS, ratioOf, SECONDS } from './rounds.ts'
import { startBenchDatabase } from './surroundings.ts'

/**
 * What the social service adds to a read: the first page of a group's feed among 100,000 posts, signed as the gateway
 * signs it and straight to the service, beside pgbench with the same statement, prepared, on the same database and with as
 * many connections. Rounds alternate; medians are compared.
 */

const CONNECTIONS = 10
const POSTS = 100_000
const LIMIT = 10

await requirePgbench()
const database = await startBenchDatabase()
try {
  await seed(database.adminUrl, completeSizes({ posts: POSTS }))
  const { groupId, userId } = await findGroup(database.adminUrl)
  const processes = await startProcesses({ database, names: ['social'], env: BENCH_ENV })
  try {
    const { url } = processes.get('social')
    const path = `/groups/${groupId}/feed?limit=${LIMIT}`
    const query = {
      url: database.urlFor('social'),
      ...toPgbench(feedQuery({ userId, groupId, skipped: 0, limit: LIMIT, ...FROM_THE_START }).compile(compiler())),
    }
    const ofService = (seconds: number) => load(url, [sign('GET', path, userId)], { connections: CONNECTIONS, seconds })
    const ofPgbench = (seconds: number) => pgbench({ ...query, connections: CONNECTIONS, seconds })
    await ofService(SECONDS)
    await ofPgbench(1)
    const rounds: Pair[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const base = await ofPgbench(SECONDS)
      rounds.push({ base, ...(await ofService(SECONDS)) })
    }
    const ratio = ratioOf(rounds)
    report('read', compared('pgbench, the statement of the page', 'social, GET /groups/{groupId}/feed', rounds), [
      { what: 'requests/s of transactions/s', reached: ratio, wanted: { atLeast: 0.4 } },
    ])
  } finally {
    await processes.stop()
  }
} finally {
  await database.stop()
}

/** The tenth of the groups by posts, and somebody in it. */
async function findGroup(adminUrl: string): Promise<{ groupId: string; userId: string }> {
  const client = new pg.Client({ connectionString: adminUrl })
  await client.connect()
  try {
    const { rows } = await client.query<{ groupId: string; userId: string }>(`
      select group_id as "groupId", user_id as "userId"
      from (select group_id from social.group_total order by published_count desc offset 9 limit 1) as chosen
      join social.participant using (group_id) where deleted_at is null limit 1`)
    const [found] = rows
    if (!found) throw new Error('There is no such group.')
    return found
  } finally {
    await client.end()
  }
}
