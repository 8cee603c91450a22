import type { EventType } from '@platform/events/event-type.ts'
import { accountEvents } from './accounts.ts'
import { groupEvents } from './groups.ts'
import { moderationEvents } from './moderation.ts'
import { momentsEvents } from './moments.ts'
import { schedulerEvents } from './scheduler.ts'
import { socialEvents } from './social.ts'

/** Every type of event that a process of the platform publishes. */
export const publishedEvents: EventType[] = [
  ...accountEvents,
  ...groupEvents,
  ...moderationEvents,
  ...socialEvents,
  ...schedulerEvents,
  ...momentsEvents,
]
