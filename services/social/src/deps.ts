import type { RedactedStatuses } from '@platform/contracts/redaction.ts'
import type { Geocoder } from '@platform/geo/geocoder.ts'
import type { CopyDeps } from './membership/confirm.ts'

/** What the routes are built from. */
export interface Deps extends CopyDeps {
  clock: () => Date
  geocoder: Geocoder
  redactedStatuses: RedactedStatuses
  /** Something was deleted, so there is work for the worker. */
  onDeleted: () => void
}
