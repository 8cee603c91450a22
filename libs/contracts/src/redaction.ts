import type { Caller } from '@platform/http/assertion.ts'
import { Type } from 'typebox'
import { MODERATION_STATUSES, type ModerationStatus } from './shapes.ts'

/** What stands in place of a text that moderation took out of sight. */
export const REDACTED = '[redacted]'

const statuses = MODERATION_STATUSES.join('|')

/** What a service with moderated content reads from its environment; it spreads this into its own schema. */
export const RedactionEnv = {
  REDACTED_STATUSES: Type.String({ pattern: `^(${statuses})(,(${statuses}))*$`, default: 'review,flagged,rejected' }),
}

/** The statuses whose content only its author and moderators see. */
export type RedactedStatuses = ReadonlySet<ModerationStatus>

export function readRedactedStatuses({ REDACTED_STATUSES }: { REDACTED_STATUSES: string }): RedactedStatuses {
  const listed = new Set(REDACTED_STATUSES.split(','))
  return new Set(MODERATION_STATUSES.filter((status) => listed.has(status)))
}

/** Moderators see what they have to decide on. */
export function isModerator({ roles }: Caller): boolean {
  return roles.includes('moderator') || roles.includes('admin')
}

/** Whether content is redacted for this caller. */
export function isRedacted(
  content: { status: ModerationStatus; authorId: string },
  caller: Caller,
  redacted: RedactedStatuses,
): boolean {
  return redacted.has(content.status) && content.authorId !== caller.userId && !isModerator(caller)
}
