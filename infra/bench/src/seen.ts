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
 * Measures a view of one moment by 200 users, straight at the moments service, beside pgbench with nothing but the update
 * of the counter, on another moment of the same database and with as many connections. Both wait for the row's lock, and
 * for the disk at each commit. Afterwards the counter has to be exact.
 */

const CONNECTIONS = 10
const PEOPLE = 200
const UPDATE = `update moment set view_counter = view_counter + 1, has_new_counts = true
  where id = :moment and deleted_at is null returning view_counter;`

await requirePgbench()
const database = await startBenchDatabase()
const admin = new pg.Client({ connectionString: database.adminUrl })
try {
  await seed(database.adminUrl, completeSizes({ moments: 10_000 }))
  await admin.connect()
  const [seen, updated] = await momentsOfOneRobot()
  if (!seen || !updated) throw new Error('No robot has two moments.')
  const people = Array.from({ length: PEOPLE }, () => randomUUID())
  await admin.query(
    `insert into moments.access (robot_id, user_id, "right", granted_at)
     select $1, unnest($2::uuid[]), 'viewer', now()`,
    [seen.robot_id, people],
  )
  const processes = await startProcesses({ database, names: ['moments'], env: BENCH_ENV })
  try {
    const { url } = processes.get('moments')
    const path = `/moments/${seen.id}/seen`
    const { rounds, answers } = await alternate(
      (seconds) =>
        pgbench({
          url: database.urlFor('moments'),
          script: UPDATE.replaceAll(/\s+/g, ' '),
          values: { moment: updated.id },
          connections: CONNECTIONS,
          seconds,
        }),
      (seconds) =>
        load(
          url,
          people.map((userId) => sign('PUT', path, userId)),
          { connections: CONNECTIONS, seconds },
        ),
    )
    const counted = (await viewsOf(seen.id)) - seen.views
    console.log(`${answers} views, ${counted} counted`)
    report('seen', compared('pgbench, the update of the counter', 'moments, PUT /moments/{momentUUID}/seen', rounds), [
      { what: 'views/s of transactions/s', reached: ratioOf(rounds), wanted: { atLeast: 0.3 } },
      {
        what: 'difference between the counter and the views',
        reached: Math.abs(counted - answers),
        wanted: { atMost: 0 },
      },
    ])
  } finally {
    await processes.stop()
  }
} finally {
  await admin.end()
  await database.stop()
}

async function momentsOfOneRobot(): Promise<{ id: string; robot_id: string; views: number }[]> {
  const { rows } = await admin.query<{ id: string; robot_id: string; views: number }>(
    `select id, robot_id, view_counter as views from moments.moment
     where deleted_at is null order by robot_id, captured_at desc limit 2`,
  )
  return rows
}

async function viewsOf(id: string): Promise<number> {
  const { rows } = await admin.query<{ views: number }>(
    'select view_counter as views from moments.moment where id = $1',
    [id],
  )
  const [moment] = rows
  if (!moment) throw new Error('The moment is gone.')
  return moment.views
}
