import { bigints, instants, integers, jsons, texts, uuids } from '@platform/db/arrays.ts'
import { sql } from 'kysely'
import type { MediaRow, MomentRow, Tx } from '../db/schema.ts'
import type { CheckedCapture } from './capture.ts'

/** A moment to be stored. */
export interface NewMoment {
  id: string
  capture: CheckedCapture
  timeZone: string
  localAt: string
  media: MediaRow[]
}

/** Stores moments that are new by robot and source id, in one statement. Returns the rows that were stored. */
export async function insertMoments(trx: Tx, moments: NewMoment[]): Promise<MomentRow[]> {
  const of = <V>(value: (moment: NewMoment) => V): V[] => moments.map(value)
  const { rows } = await sql<MomentRow>`
    insert into moment (id, robot_id, source_id, type, title, captured_at, time_zone, local_at, expires_at, features,
      created_at, updated_at)
    select id, robot_id, source_id, type, title, captured_at, time_zone, local_at, expires_at, features, at, at
    from unnest(
      ${uuids(of(({ id }) => id))}::uuid[],
      ${uuids(of(({ capture }) => capture.robotId))}::uuid[],
      ${texts(of(({ capture }) => capture.sourceId))}::text[],
      ${texts(of(({ capture }) => capture.type))}::text[],
      ${texts(of(({ capture }) => capture.title))}::text[],
      ${instants(of(({ capture }) => capture.capturedAt))}::timestamptz[],
      ${texts(of(({ timeZone }) => timeZone))}::text[],
      ${texts(of(({ localAt }) => localAt))}::text[]::timestamp[],
      ${instants(of(({ capture }) => capture.expiresAt))}::timestamptz[],
      ${jsons(of(({ capture }) => (capture.features ? JSON.stringify(capture.features) : null)))}::jsonb[],
      ${instants(of(({ capture }) => capture.cause.at))}::timestamptz[]
    ) as given(id, robot_id, source_id, type, title, captured_at, time_zone, local_at, expires_at, features, at)
    on conflict on constraint moment_source_key do nothing
    returning *`.execute(trx)
  return rows
}

/** Stores media in one statement. */
export async function insertMedia(trx: Tx, media: MediaRow[]): Promise<void> {
  const of = <V>(value: (row: MediaRow) => V): V[] => media.map(value)
  await sql`
    insert into media (id, moment_id, position, kind, content_type, bytes, sha256, object_key, uri, thumb_hash)
    select * from unnest(
      ${uuids(of(({ id }) => id))}::uuid[],
      ${uuids(of(({ moment_id }) => moment_id))}::uuid[],
      ${integers(of(({ position }) => position))}::integer[],
      ${texts(of(({ kind }) => kind))}::text[],
      ${texts(of(({ content_type }) => content_type))}::text[],
      ${bigints(of(({ bytes }) => bytes))}::bigint[],
      ${texts(of(({ sha256 }) => sha256))}::text[],
      ${texts(of(({ object_key }) => object_key))}::text[],
      ${texts(of(({ uri }) => uri))}::text[],
      ${texts(of(({ thumb_hash }) => thumb_hash))}::text[]
    )`.execute(trx)
}
