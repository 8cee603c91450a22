import { type Expression, type RawBuilder, sql } from 'kysely'
import type { Db, Tx } from '../db/schema.ts'
import { labelOf } from './model/labels.ts'
import type { Label } from './model/types.ts'
import { type TraitsJson, toTraits, traitColumns } from './traits.ts'

const MOST_LABELS = 500

/** Condition of the partial index of labels on `mark`. */
export const isLabel = sql`(mark.feedback <> 0 or mark.shared_at is not null or mark.deleted_at is not null)`

const newestLabels = (userId: string | Expression<string>): RawBuilder<unknown> => sql`
  select moment_id, feedback, shared_at is not null as is_shared, deleted_at is not null as is_deleted, updated_at
  from mark where user_id = ${userId}::uuid and ${isLabel}
  order by updated_at desc, moment_id desc limit ${sql.lit(MOST_LABELS)}`

/**
 * A digest of the labels in the query `labels`. It changes with each new, changed or removed one, and stays when a
 * labelled moment is seen, although that changes the mark's time.
 */
const digestOf = (labels: RawBuilder<unknown>): RawBuilder<string> => sql`(
  select coalesce(bit_xor(hashtextextended(concat_ws(' ', moment_id, feedback, is_shared, is_deleted), 0)), 0)
  from (${labels}) as label)`

/** A digest of the user's newest labels. */
export const labelState = (userId: string | Expression<string>): RawBuilder<string> => digestOf(newestLabels(userId))

interface LabelJson extends TraitsJson {
  feedback: 1 | 0 | -1
  is_shared: boolean
  is_deleted: boolean
  at: number
}

/** Returns the newest 500 labels of a user, also those of moments that are gone or hidden by now, and their digest. */
export async function readLabels(db: Db | Tx, userId: string): Promise<{ labels: Label[]; state: string }> {
  const { rows } = await sql<{ state: string; labels: LabelJson[] }>`
    with label as materialized (${newestLabels(userId)})
    select ${digestOf(sql`select * from label`)}::text as state, coalesce((
      select json_agg(labelled) from (
        select ${traitColumns(userId)}, label.feedback, label.is_shared, label.is_deleted,
          (extract(epoch from label.updated_at) * 1000)::float8 as at
        from label join moment on moment.id = label.moment_id
      ) as labelled), '[]') as labels`.execute(db)
  const [row] = rows
  if (!row) throw new Error('Labels came without a row.')
  const labels = row.labels.map((json) =>
    labelOf({
      moment: toTraits(json),
      feedback: json.feedback,
      isShared: json.is_shared,
      isDeletedByUser: json.is_deleted,
      at: new Date(json.at),
    }),
  )
  return { labels: labels.filter((label) => label !== undefined), state: row.state }
}
