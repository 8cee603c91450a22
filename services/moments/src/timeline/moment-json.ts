import type { MomentViewRow } from '../moments/moment-view.ts'

type Instants = 'captured_at' | 'expires_at' | 'deleted_at'

/** A row of `momentColumns`, as `json_agg` has it: instants are texts, and the local time has a `T`. */
export type MomentJson = Omit<MomentViewRow, Instants> & {
  captured_at: string
  expires_at: string | null
  deleted_at: string | null
}

/** Returns the row as a query without JSON gives it. */
export function toMomentRow(json: MomentJson): MomentViewRow {
  return {
    ...json,
    captured_at: new Date(json.captured_at),
    local_at: json.local_at.replace('T', ' '),
    expires_at: toDate(json.expires_at),
    deleted_at: toDate(json.deleted_at),
  }
}

const toDate = (text: string | null): Date | null => (text === null ? null : new Date(text))
