import { type RawBuilder, sql } from 'kysely'
import type { MediaKind, MomentRow } from '../db/schema.ts'
import type { Moment } from './shapes.ts'

/** One of a moment's media as `momentColumns` reads it. */
export interface MediaJson {
  id: string
  kind: MediaKind
  content_type: string | null
  bytes: number | null
  object_key: string | null
  uri: string | null
  thumb_hash: string | null
}

/** A moment with its media and the caller's own mark, as `momentColumns` reads it. */
export interface MomentViewRow
  extends Pick<
    MomentRow,
    | 'id'
    | 'robot_id'
    | 'type'
    | 'title'
    | 'captured_at'
    | 'time_zone'
    | 'local_at'
    | 'expires_at'
    | 'share_count'
    | 'view_counter'
    | 'pinned'
    | 'deleted_at'
  > {
  media: MediaJson[]
  feedback: number
  seen: boolean
}

/**
 * Columns of a moment for the API: needs `moment` and, as `mark`, a left join of the caller's mark on it. `markJoin` is
 * that join.
 */
export const momentColumns: RawBuilder<MomentViewRow> = sql`
  moment.id, moment.robot_id, moment.type, moment.title, moment.captured_at, moment.time_zone, moment.local_at,
  moment.expires_at, moment.share_count, moment.view_counter, moment.pinned, moment.deleted_at,
  coalesce(mark.feedback, 0)::int as feedback, mark.seen_at is not null as seen,
  coalesce((
    select json_agg(json_build_object(
      'id', media.id, 'kind', media.kind, 'content_type', media.content_type, 'bytes', media.bytes,
      'object_key', media.object_key, 'uri', media.uri, 'thumb_hash', media.thumb_hash) order by media.position)
    from media where media.moment_id = moment.id), '[]') as media`

/** Joins the mark of a user. */
export const markJoin = (userId: string): RawBuilder<unknown> =>
  sql`left join mark on mark.user_id = ${userId} and mark.moment_id = moment.id`

/** Gives a file of our store an address that expires. */
export interface MediaAddresses {
  addressOf(media: MediaJson): Promise<{ uri: string; expiresAt: Date }>
}

/** Everything that a moment's view depends on beside its row. */
export interface ViewContext {
  addresses: MediaAddresses
  now: Date
}

/** True when a moment has expired: a pinned one never does. */
export const isExpired = ({ expires_at, pinned }: Pick<MomentRow, 'expires_at' | 'pinned'>, now: Date): boolean =>
  !pinned && expires_at !== null && expires_at <= now

/** Turns a row into the API's shape. */
export async function toMoment(row: MomentViewRow, { addresses, now }: ViewContext): Promise<Moment> {
  const [localDate = '', localTime = ''] = row.local_at.split(' ')
  return {
    uuid: row.id,
    robotUUID: row.robot_id,
    type: row.type,
    title: row.title ?? undefined,
    capturedAt: row.captured_at.toISOString(),
    localTime: localTime.slice(0, 8),
    localDate,
    timeZone: row.time_zone,
    expiresAt: row.expires_at?.toISOString(),
    expired: isExpired(row, now),
    media: await Promise.all(row.media.map((media) => toMedia(media, addresses))),
    shareCount: row.share_count,
    viewCounter: row.view_counter,
    feedback: row.feedback,
    seen: row.seen,
    pinned: row.pinned,
  }
}

/** Turns rows into the API's shape, in their order. */
export const toMoments = (rows: MomentViewRow[], context: ViewContext): Promise<Moment[]> =>
  Promise.all(rows.map((row) => toMoment(row, context)))

async function toMedia(media: MediaJson, addresses: MediaAddresses): Promise<Moment['media'][number]> {
  const address = media.uri === null ? await addresses.addressOf(media) : { uri: media.uri }
  return {
    uuid: media.id,
    kind: media.kind,
    contentType: media.content_type ?? undefined,
    bytes: media.bytes ?? undefined,
    uri: address.uri,
    uriExpiresAt: 'expiresAt' in address ? address.expiresAt.toISOString() : undefined,
    thumbHash: media.thumb_hash ?? undefined,
  }
}
