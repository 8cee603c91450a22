import { momentChanged } from '@platform/contracts/moments.ts'
import type { Logger } from '@platform/log/logger.ts'
import { BackgroundWork } from '@platform/service/background-work.ts'
import { sql } from 'kysely'
import type { Db, MomentRow } from '../db/schema.ts'
import { changeOf } from '../moments/change-moments.ts'
import { publishMoments } from '../moments/publish-moment.ts'

const BATCH_SIZE = 100
const EVERY_MS = 2_000

/** Parts that the publishing of counts needs. */
interface CountsDeps {
  db: Db
  clock: () => Date
  log: Logger
  /** Called after a commit that published something. */
  onPublished: () => void
}

/** Publishes the counts of moments that were seen or shared, every two seconds: at most one event a moment each time. */
export function startPublishingCounts({ db, clock, log, onPublished }: CountsDeps): BackgroundWork {
  let after: string | undefined
  return new BackgroundWork({
    name: 'counts',
    log,
    pollMs: EVERY_MS,
    work: async () => {
      const published = await publishCounts(db, clock(), after)
      // A full batch may have more behind it. They are taken in order of ids, so that busy moments hold up no others.
      after = published.length < BATCH_SIZE ? undefined : published.at(-1)
      if (published.length > 0) onPublished()
      return after !== undefined
    },
  })
}

/**
 * Publishes a batch of moments whose counts have changed.
 *
 * It waits for locked moments instead of passing over them: a moment that many users see is locked nearly always, so
 * its counts would not be published while they are of most interest.
 *
 * @param after publishes only those with a greater id
 * @returns their ids, ascending
 */
export async function publishCounts(db: Db, at: Date, after = LEAST_ID): Promise<string[]> {
  return db.transaction().execute(async (trx) => {
    const { rows } = await sql<MomentRow>`
      with counted as materialized (
        select id from moment
        where has_new_counts and deleted_at is null and id > ${after}
        order by id limit ${BATCH_SIZE}
        for no key update
      )
      update moment set ${changeOf('changed', at)} from counted where moment.id = counted.id
      returning moment.*`.execute(trx)
    const moments = rows.toSorted((a, b) => (a.id < b.id ? -1 : 1))
    await publishMoments(trx, momentChanged, moments, { at })
    return moments.map(({ id }) => id)
  })
}

const LEAST_ID = '00000000-0000-0000-0000-000000000000'
