import { describe, expect, it } from '@jest/globals'
import { MODERATION_STATUSES, type ModerationStatus } from '@platform/contracts/shapes.ts'
import { isAllowed, isDecision } from '../src/transitions/status-machine.ts'

// Rows: from. Columns: to posted, review, flagged, approved, rejected.
const TABLE: Record<ModerationStatus, string> = {
  posted: '-++++',
  review: '--+++',
  flagged: '-+-++',
  approved: '-++-+',
  rejected: '-+-+-',
}

describe('the status machine', () => {
  it.each(
    MODERATION_STATUSES.flatMap((from) =>
      MODERATION_STATUSES.map((to, column) => ({ from, to, allowed: TABLE[from][column] === '+' })),
    ),
  )('$from to $to: $allowed', ({ from, to, allowed }) => {
    expect(isAllowed(from, to)).toBe(allowed)
  })

  it('calls only approval and rejection decisions', () => {
    expect(MODERATION_STATUSES.filter(isDecision)).toEqual(['approved', 'rejected'])
  })
})
