import type { ModerationStatus } from '@platform/contracts/shapes.ts'

/** Where content may go from where it stands. Nothing comes back to `posted`: that is where nobody has looked yet. */
const NEXT: Record<ModerationStatus, readonly ModerationStatus[]> = {
  posted: ['review', 'flagged', 'approved', 'rejected'],
  review: ['flagged', 'approved', 'rejected'],
  flagged: ['review', 'approved', 'rejected'],
  approved: ['review', 'flagged', 'rejected'],
  rejected: ['review', 'approved'],
}

/** Whether content may move; staying where it is is no move. */
export function isAllowed(from: ModerationStatus, to: ModerationStatus): boolean {
  return NEXT[from].includes(to)
}

/** The statuses that settle a matter: they close all open reports. */
export function isDecision(status: ModerationStatus): boolean {
  return status === 'approved' || status === 'rejected'
}
