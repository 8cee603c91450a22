import { jobBodyLimit } from '@platform/contracts/scheduler.ts'
import type { DomainError } from '@platform/http/errors.ts'
import { parameterErrorBody } from '@platform/http/parameter-errors.ts'

/** The services behind the gateway. Each is routed to when its address is configured. */
export const SERVICES = ['groups', 'moderation', 'social', 'scheduler'] as const
export type ServiceName = (typeof SERVICES)[number]

/** Where a request goes. */
export interface Destination {
  service: ServiceName
  /** For metrics: few and known. */
  prefix: string
  /** What replaces the prefix. */
  upstreamPrefix: string
  /** An API key may be in a form or in JSON, too. */
  hasKeyInBody?: boolean
  /**
   * The URLs below the prefix are signed by the service itself: requests need no credential, a credential that is sent
   * is removed, bodies and answers are streamed, and only the time without progress is limited.
   */
  hasSignedUrls?: boolean
  /** How large a body may be, in bytes, where some may be larger than the usual limit. */
  bodyLimit?: (path: string, contentType: string | undefined, usual: number) => number
  /** What a refusal says, where that has another form than the contract's own. */
  refusalBody?: (refusal: DomainError) => unknown
}

/** Jobs are for clients of old: an API key in the body, errors by parameter. */
const forJobs = {
  service: 'scheduler',
  hasKeyInBody: true,
  bodyLimit: jobBodyLimit,
  refusalBody: parameterErrorBody,
} as const

/** Public path prefix → service and the path there. A service sees the same path that the client asked for. */
const ROUTES: Destination[] = [
  { prefix: '/groups', service: 'groups', upstreamPrefix: '/groups' },
  { prefix: '/user-data', service: 'groups', upstreamPrefix: '/user-data' },
  { prefix: '/moderation', service: 'moderation', upstreamPrefix: '/moderation' },
  { prefix: '/reports', service: 'moderation', upstreamPrefix: '/reports' },
  { prefix: '/posts', service: 'social', upstreamPrefix: '/posts' },
  { prefix: '/comments', service: 'social', upstreamPrefix: '/comments' },
  { prefix: '/users', service: 'social', upstreamPrefix: '/users' },
  { prefix: '/jobs', upstreamPrefix: '/jobs', ...forJobs },
  { prefix: '/jobs.json', upstreamPrefix: '/jobs.json', ...forJobs },
]

/** What stands below one group and is another service's: the segment after its id. */
const BELOW_GROUP = /^\/groups\/[^/]+\/(?:posts|feed)(?:\/|$)/
const belowGroup: Destination = { prefix: '/groups', service: 'social', upstreamPrefix: '/groups' }

const byFirstSegment = new Map<string, Destination>(ROUTES.map((route) => [route.prefix, route]))

/**
 * Finds the service for a path by its first segment, or by what stands below a group. Prefixes are whole segments, and
 * case matters.
 *
 * @param path plain, as `readTarget` lets through
 */
export function findDestination(path: string): Destination | undefined {
  if (BELOW_GROUP.test(path)) return belowGroup
  const end = path.indexOf('/', 1)
  return byFirstSegment.get(end === -1 ? path : path.slice(0, end))
}
