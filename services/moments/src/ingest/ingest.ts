import { randomUUIDv7 } from 'node:crypto'
import { momentCaptured } from '@platform/contracts/moments.ts'
import { uuids } from '@platform/db/arrays.ts'
import { type OutboxRow, toOutboxRow } from '@platform/events/outbox.ts'
import { DomainError } from '@platform/http/errors.ts'
import { sql } from 'kysely'
import type { MomentRow, Tx } from '../db/schema.ts'
import { SOURCE, toMomentState } from '../moments/publish-moment.ts'
import { findErasedRobots } from '../robots/erased-robots.ts'
import { wallClockAt } from '../time/wall-clock.ts'
import { insertMedia, insertMoments, type NewMoment } from './insert.ts'
import { placeOf } from './prepare.ts'
import type { ReadyCapture } from './ready-capture.ts'
import { findOrCreateRobots } from './robots.ts'
import { uploadUsed } from './verify-upload.ts'

/**
 * The outcome of a capture. `created`: it is a new moment. `exists`: it is one already, and stayed as it was. `trashed` and
 * `purged`: its moment was deleted, and stayed so. `erased`: its robot was erased with its user, and has no other since.
 */
export type Ingested =
  | { momentId: string; outcome: 'created' | 'exists' | 'trashed' | 'purged' }
  | { momentId?: undefined; outcome: 'erased' }

/**
 * Stores captures as moments, with their media and events, in a fixed number of statements. Idempotent by robot and source
 * id; of the same capture given twice, the first counts.
 *
 * @returns an entry for each capture, in order
 * @throws DomainError `conflict` when an upload belongs to another moment or was given up meanwhile
 */
export async function ingestMoments(trx: Tx, captures: readonly ReadyCapture[]): Promise<Ingested[]> {
  const firsts = new Map<string, ReadyCapture>()
  for (const capture of captures) {
    if (!firsts.has(placeOf(capture))) firsts.set(placeOf(capture), capture)
  }
  const erased = await findErasedCaptures(trx, [...firsts.values()])
  const moments = await toNewMoments(
    trx,
    [...firsts.values()].filter((capture) => !erased.has(capture)),
  )
  const stored = moments.length === 0 ? [] : await insertMoments(trx, moments)
  await storeFilesAndEvents(trx, moments, stored)
  const outcomes = new Map<string, Ingested>(
    stored.map(({ id, robot_id: robotId, source_id: sourceId }) => [
      placeOf({ robotId, sourceId }),
      { momentId: id, outcome: 'created' },
    ]),
  )
  for (const capture of erased) outcomes.set(placeOf(capture), { outcome: 'erased' })
  const others = [...firsts.values()].filter((capture) => !outcomes.has(placeOf(capture)))
  for (const [place, found] of await findOutcomes(trx, others)) outcomes.set(place, found)
  return captures.map((capture) => {
    const found = outcomes.get(placeOf(capture))
    if (!found) throw new DomainError('unavailable', 'The moment vanished just now. Try again.')
    return capture === firsts.get(placeOf(capture)) || found.outcome !== 'created'
      ? found
      : { ...found, outcome: 'exists' }
  })
}

/** Returns the captures of robots that were erased. A robot that is known again has a new user. */
async function findErasedCaptures(trx: Tx, captures: ReadyCapture[]): Promise<Set<ReadyCapture>> {
  const erased = await findErasedRobots(trx, [...new Set(captures.map(({ robotId }) => robotId))])
  return new Set(captures.filter(({ robotId }) => erased.has(robotId)))
}

async function toNewMoments(trx: Tx, captures: ReadyCapture[]): Promise<NewMoment[]> {
  const unknown = captures.filter(({ media }) => media !== undefined)
  if (unknown.length === 0) return []
  const zones = await findOrCreateRobots(
    trx,
    unknown.map(({ robotId, timeZone, cause }) => ({ robotId, timeZone, at: cause.at })),
  )
  const moments = unknown.map((capture): NewMoment => {
    const timeZone = capture.timeZone ?? zones.get(capture.robotId)
    if (timeZone === undefined) throw new DomainError('unavailable', 'The robot vanished just now. Try again.')
    const id = randomUUIDv7()
    const media = (capture.media ?? []).map((file, position) => ({ ...file, moment_id: id, position }))
    return { id, capture, timeZone, localAt: wallClockAt(capture.capturedAt, timeZone).localAt, media }
  })
  // In one order, so that two transactions with the same captures cannot deadlock.
  return moments.sort((a, b) => (placeOf(a.capture) < placeOf(b.capture) ? -1 : 1))
}

async function storeFilesAndEvents(trx: Tx, moments: NewMoment[], stored: MomentRow[]): Promise<void> {
  if (stored.length === 0) return
  const byId = new Map(moments.map((moment) => [moment.id, moment]))
  const news = stored.flatMap((row) => {
    const moment = byId.get(row.id)
    return moment ? [{ row, moment }] : []
  })
  const media = news.flatMap(({ moment }) => moment.media)
  await claimUploads(
    trx,
    media.filter(({ object_key }) => object_key !== null).map(({ id, moment_id }) => ({ id, momentId: moment_id })),
  )
  await insertMedia(trx, media)
  const events = news.map(({ row, moment }): OutboxRow => {
    const { id: subject, version: entityVersion } = row
    const event = {
      type: momentCaptured,
      source: SOURCE,
      subject,
      entityVersion,
      data: toMomentState(row, moment.media),
    }
    return toOutboxRow(event, moment.capture.cause)
  })
  await trx.insertInto('outbox').values(events).execute()
}

/**
 * Gives uploads to their moments. An update, not a mere lock: the cleaner looks at the row again after it waited for it,
 * and sees that it is taken.
 *
 * @throws DomainError `conflict` when one of them has been taken or given up since it was checked
 */
async function claimUploads(trx: Tx, uploads: { id: string; momentId: string }[]): Promise<void> {
  if (uploads.length === 0) return
  const { rows } = await sql<{ id: string }>`
    update upload set moment_id = given.moment_id
    from unnest(${uuids(uploads.map(({ id }) => id))}::uuid[], ${uuids(uploads.map(({ momentId }) => momentId))}::uuid[])
      as given(id, moment_id)
    where upload.id = given.id and upload.moment_id is null and upload.abandoned_at is null
    returning upload.id`.execute(trx)
  const claimed = new Set(rows.map(({ id }) => id))
  const refused = uploads.find(({ id }) => !claimed.has(id))
  if (refused) throw uploadUsed(refused.id)
}

type FoundOutcome = Extract<Ingested, { momentId: string }> & { robotId: string; sourceId: string }

async function findOutcomes(trx: Tx, captures: ReadyCapture[]): Promise<Map<string, Ingested>> {
  if (captures.length === 0) return new Map()
  const robotIds = captures.map(({ robotId }) => robotId)
  const sourceIds = captures.map(({ sourceId }) => sourceId)
  const { rows } = await sql<FoundOutcome>`
    select moment.robot_id as "robotId", moment.source_id as "sourceId", moment.id as "momentId",
      case when purge_started_at is not null or purged_at is not null then 'purged'
        when deleted_at is not null then 'trashed' else 'exists' end as outcome
    from unnest(${robotIds}::uuid[], ${sourceIds}::text[]) as given(robot_id, source_id)
    join moment using (robot_id, source_id)`.execute(trx)
  return new Map(rows.map(({ momentId, outcome, ...place }) => [placeOf(place), { momentId, outcome }]))
}
