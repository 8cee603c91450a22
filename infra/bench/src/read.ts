import { seed } from '@platform/seed/seed.ts'
import { completeSizes } from '@platform/seed/sizes.ts'
import { feedQuery } from '@platform/social/posts/feed.ts'
import { startProcesses } from '@platform/testing/processes.ts'
import pg from 'pg'
import { compiler } from './compiler.ts'
import { load, type Round } from './load.ts'
import { pgbench, requirePgbench, toPgbench } from './pgbench.ts'
import { quantile, report } from './report.ts'
import { BENCH_ENV, sign } from './requests.ts'
import { startBenchDatabase } from './surroundings.ts'

/**
 * What the social service adds to a read: the first page of a group's feed among 100,000 posts, signed as the gateway
 * signs it and straight to the service, beside pgbench with the query that finds the page, prepared, on the same
 * database and with as many connections. Rounds alternate; medians are compared.
 */

const ROUNDS = 9
const SECONDS = 4
const CONNECTIONS = 10
const POSTS = 100_000
const PAGE = { page: 0, limit: 10 }

await requirePgbench()
const database = await startBenchDatabase()
try {
  await seed(database.adminUrl, completeSizes({ posts: POSTS }))
  const { groupId, userId } = await findGroup(database.adminUrl)
  const processes = await startProcesses({ database, names: ['social'], env: BENCH_ENV })
  try {
    const { url } = processes.get('social')
    const path = `/groups/${groupId}/feed?limit=${PAGE.limit}`
    const query = { url: database.urlFor('social'), ...toPgbench(feedQuery(userId, groupId, PAGE).compile(compiler())) }
    const ofService = (seconds: number) => load(url, sign('GET', path, userId), { connections: CONNECTIONS, seconds })
    const ofPgbench = (seconds: number) => pgbench({ ...query, connections: CONNECTIONS, seconds })
    const service: Round[] = []
    const transactions: number[] = []
    await ofService(SECONDS)
    await ofPgbench(1)
    for (let round = 0; round < ROUNDS; round++) {
      transactions.push(await ofPgbench(SECONDS))
      service.push(await ofService(SECONDS))
    }
    const median = (values: number[]) => quantile(values, 0.5)
    const perSecond = median(service.map((round) => round.perSecond))
    const ratio = median(service.map((round, index) => round.perSecond / (transactions[index] ?? Number.NaN)))
    report(
      'read',
      [
        { way: 'pgbench, the query of the page', 'per second': Math.round(median(transactions)) },
        {
          way: 'social, GET /groups/{groupId}/feed',
          'per second': Math.round(perSecond),
          'of pgbench': Number(ratio.toFixed(2)),
          'p99 ms': median(service.map(({ p99Ms }) => p99Ms)),
        },
      ],
      [{ what: 'requests/s of transactions/s', reached: Number(ratio.toFixed(2)), wanted: { atLeast: 0.4 } }],
    )
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
