/** The services behind the gateway. Each is routed to when its address is configured. */
export const SERVICES = ['groups', 'moderation'] as const
export type ServiceName = (typeof SERVICES)[number]

/** Public path prefix → service and the path there. A service sees the same path that the client asked for. */
const ROUTES: { prefix: string; service: ServiceName; upstreamPrefix: string }[] = [
  { prefix: '/groups', service: 'groups', upstreamPrefix: '/groups' },
  { prefix: '/user-data', service: 'groups', upstreamPrefix: '/user-data' },
  { prefix: '/moderation', service: 'moderation', upstreamPrefix: '/moderation' },
  { prefix: '/reports', service: 'moderation', upstreamPrefix: '/reports' },
]

/** Where a request goes. */
export interface Destination {
  service: ServiceName
  /** For metrics: few and known. */
  prefix: string
  /** What replaces the prefix. */
  upstreamPrefix: string
}

const byFirstSegment = new Map<string, Destination>(ROUTES.map((route) => [route.prefix, route]))

/**
 * Finds the service for a path by its first segment. Prefixes are whole segments, and case matters.
 *
 * @param path plain, as `readTarget` lets through
 */
export function findDestination(path: string): Destination | undefined {
  const end = path.indexOf('/', 1)
  return byFirstSegment.get(end === -1 ? path : path.slice(0, end))
}
