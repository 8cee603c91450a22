import { type RawBuilder, sql } from 'kysely'
import type { MomentTraits } from './model/types.ts'

/** A row of `traitColumns`, as `json_agg` has it. */
export interface TraitsJson {
  robot_id: string
  type: string
  captured_at: number
  local_hour: number
  weekday: number
  features: Record<string, number> | null
  others: { likes: number; shares: number }
}

/** More reactions of others than this count as this many: their effect grows with the logarithm. */
const MOST_REACTIONS = 200

/** Columns of what the model learns from: needs `moment`. */
export const traitColumns = (userId: string): RawBuilder<TraitsJson> => sql`
  moment.robot_id, moment.type, (extract(epoch from moment.captured_at) * 1000)::float8 as captured_at,
  moment.local_hour, extract(isodow from moment.local_at)::int as weekday, moment.features,
  (
    select json_build_object(
      'likes', count(*) filter (where feedback = 1), 'shares', count(*) filter (where shared_at is not null))
    from (
      select feedback, shared_at from mark as other
      where other.moment_id = moment.id and other.user_id <> ${userId}
        and (other.feedback = 1 or other.shared_at is not null)
      limit ${MOST_REACTIONS}
    ) as reaction
  ) as others`

export function toTraits(json: TraitsJson): MomentTraits {
  return {
    robotId: json.robot_id,
    type: json.type,
    capturedAt: new Date(json.captured_at),
    localHour: json.local_hour,
    weekday: json.weekday,
    otherLikes: json.others.likes,
    otherShares: json.others.shares,
    features: json.features ?? undefined,
  }
}
