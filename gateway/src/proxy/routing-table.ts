import { jobBodyLimit } from '@platform/contracts/scheduler.ts'
import type { DomainError } from '@platform/http/errors.ts'
import { parameterErrorBody } from '@platform/http/parameter-errors.ts'
import { PROCESSES, type PublicPrefix, SERVICES, type ServiceName } from '@platform/platform/registry.ts'

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

/** The largest file that a signed URL takes. */
const LARGEST_FILE_BYTES = 512 * 1024 * 1024

/** How requests are treated below a prefix of a kind, where that differs from the usual. */
type Treatment = Omit<Destination, 'service' | 'prefix' | 'upstreamPrefix'>

const TREATMENTS: Record<NonNullable<PublicPrefix['kind']>, Treatment> = {
  // Old clients send an API key in the body, and read errors by parameter.
  jobs: { hasKeyInBody: true, bodyLimit: jobBodyLimit, refusalBody: parameterErrorBody },
  signedUrls: { hasSignedUrls: true, bodyLimit: () => LARGEST_FILE_BYTES },
}

/** The first segment of a path → its destination. */
const byFirstSegment = new Map<string, Destination>()
/** The first segment and the one after an id → the destination: `/groups feed`. */
const belowEntity = new Map<string, Destination>()

for (const service of SERVICES) {
  for (const { path: prefix, below, kind } of prefixesOf(service)) {
    // A service sees the path that the client asked for.
    const destination = { service, prefix, upstreamPrefix: prefix, ...(kind && TREATMENTS[kind]) }
    if (!below) byFirstSegment.set(prefix, destination)
    for (const segment of below ?? []) belowEntity.set(`${prefix} ${segment}`, destination)
  }
}

function prefixesOf(service: ServiceName): readonly PublicPrefix[] {
  return PROCESSES.find(({ name }) => name === service)?.prefixes ?? []
}

const PATH = /^(\/[^/]+)(?:\/[^/]+\/([^/]+))?/

/**
 * Finds the service for a path by its first segment, or by what stands below one entity. Prefixes are whole segments, and
 * case matters.
 *
 * @param path plain, as `readTarget` lets through
 */
export function findDestination(path: string): Destination | undefined {
  const [, first = '', segment] = PATH.exec(path) ?? []
  const below = segment === undefined ? undefined : belowEntity.get(`${first} ${segment}`)
  return below ?? byFirstSegment.get(first)
}
