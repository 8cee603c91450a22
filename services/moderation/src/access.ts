import type { RouteDefinition } from '@platform/http/route.ts'

/** What everything but reporting has in common: it is for moderators, admins, and agents with the scope. */
export const FOR_MODERATORS = {
  tag: 'moderation',
  access: { roles: ['moderator', 'admin', 'service'], scope: 'moderation:write' },
} satisfies Partial<RouteDefinition>
