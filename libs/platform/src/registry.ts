/** A public path prefix that the gateway forwards to a service, unchanged. */
export interface PublicPrefix {
  /** Whole segments, such as `/groups`. */
  path: string
  /**
   * Only what stands below one entity of `path`: the segments after its id. `/groups` with `below: ['feed']` is
   * `/groups/{id}/feed`, which takes precedence over the service that has `/groups` itself.
   */
  below?: readonly string[]
  /** How the gateway treats requests below it, where that differs from the usual. */
  kind?: 'jobs' | 'signedUrls'
}

/** A secret of one process: a variable of its environment that has no default in production. */
export interface ProcessSecret {
  variable: string
  /** The name under which `pnpm start` keeps it. */
  storedAs: string
}

/** One process of the platform. Each owns the schema, and logs in with the role, of its own name. */
export interface PlatformProcess {
  name: string
  /**
   * Path from the root of the repository. `src/main.ts` starts the process, `src/service.ts` exports its `start`, and
   * `src/db/migrations` holds its own migrations.
   */
  folder: string
  /** Public path prefixes that the gateway forwards to it. */
  prefixes: readonly PublicPrefix[]
  /** The processes that it calls. Their addresses are given to it as `NAME_URL`. */
  calls: readonly string[]
  /** True when it asks the gateway's private listener, whose address it gets as `GATEWAY_PRIVATE_URL`. */
  callsGateway?: boolean
  /** True when it issues URLs of its own for clients: it gets the gateway's public address as `PUBLIC_URL`. */
  issuesUrls?: boolean
  secrets: readonly ProcessSecret[]
  /** True when it keeps personal data, so that it takes part in each erasure. */
  erases: boolean
}

/** The services behind the gateway, in an order in which each comes after those that it calls. */
const SERVICE_PROCESSES = [
  {
    name: 'groups',
    folder: 'services/groups',
    prefixes: [{ path: '/groups' }, { path: '/user-data' }],
    calls: [],
    secrets: [],
    erases: true,
  },
  {
    name: 'social',
    folder: 'services/social',
    prefixes: [
      { path: '/groups', below: ['posts', 'feed'] },
      { path: '/posts' },
      { path: '/comments' },
      { path: '/users' },
    ],
    calls: ['groups'],
    secrets: [{ variable: 'CURSOR_SECRET', storedAs: 'cursor' }],
    erases: true,
  },
  {
    name: 'moderation',
    folder: 'services/moderation',
    prefixes: [{ path: '/moderation' }, { path: '/reports' }],
    calls: ['groups', 'social'],
    secrets: [],
    erases: true,
  },
  {
    name: 'scheduler',
    folder: 'services/scheduler',
    prefixes: [
      { path: '/jobs', kind: 'jobs' },
      { path: '/jobs.json', kind: 'jobs' },
    ],
    calls: [],
    secrets: [{ variable: 'JOB_SECRETS_KEY', storedAs: 'jobSecrets' }],
    erases: false,
  },
  {
    name: 'moments',
    folder: 'services/moments',
    prefixes: [
      { path: '/moments' },
      { path: '/robots' },
      { path: '/media' },
      // Addresses of files that the service has signed itself: they need no other credential.
      { path: '/media-files', kind: 'signedUrls' },
    ],
    calls: [],
    callsGateway: true,
    issuesUrls: true,
    secrets: [
      { variable: 'CURSOR_SECRET', storedAs: 'momentsCursor' },
      { variable: 'MEDIA_URL_SECRET', storedAs: 'mediaUrl' },
    ],
    erases: true,
  },
] as const satisfies readonly PlatformProcess[]

type RegisteredService = (typeof SERVICE_PROCESSES)[number]

/** The name of a service behind the gateway. */
export type ServiceName = RegisteredService['name']

/** The name of a service that takes part in erasures. */
export type ErasingService = Extract<RegisteredService, { erases: true }>['name']

/** The services behind the gateway. */
export const SERVICES: readonly ServiceName[] = SERVICE_PROCESSES.map(({ name }) => name)

/** The services that take part in erasures. */
export const ERASING_SERVICES: readonly ErasingService[] = SERVICE_PROCESSES.filter(
  (service): service is Extract<RegisteredService, { erases: true }> => service.erases,
).map(({ name }) => name)

const GATEWAY: PlatformProcess = {
  name: 'gateway',
  folder: 'gateway',
  prefixes: [],
  calls: SERVICES,
  secrets: [{ variable: 'KEY_ENCRYPTION_SECRET', storedAs: 'keyEncryption' }],
  erases: false,
}

/**
 * Every process. The launcher, the migrations, the gateway's routes and settings, the parts of an erasure and the tests
 * derive from this list.
 */
export const PROCESSES: readonly PlatformProcess[] = [...SERVICE_PROCESSES, GATEWAY]

/** The owner of the embedded log: a schema that every process may use through its functions. */
export const EVENT_LOG = 'event_log'

/** Every schema, and so every role. */
export const SCHEMAS: readonly string[] = [...PROCESSES.map(({ name }) => name), EVENT_LOG]

/**
 * Returns the entry of a process.
 *
 * @throws Error when no process has that name
 */
export function processNamed(name: string): PlatformProcess {
  const found = PROCESSES.find((process) => process.name === name)
  if (!found) throw new Error(`There is no process ${name} in the registry.`)
  return found
}

/** The variable that tells a process where another one is. */
export function addressVariable(name: string): string {
  return `${name.toUpperCase()}_URL`
}

/** The variable that tells a process where the gateway's private listener is. */
export const GATEWAY_PRIVATE_URL = 'GATEWAY_PRIVATE_URL'

/** The variable that tells a process how clients reach the gateway. */
export const PUBLIC_URL = 'PUBLIC_URL'

/** The variable that holds the password of a role, for jobs that prepare a database. */
export function passwordVariable(role: string): string {
  return `${role.toUpperCase()}_DATABASE_PASSWORD`
}
