import { join } from 'node:path'
import { urlForRole } from '@platform/db/provision.ts'
import { ROOT } from '@platform/platform/paths.ts'
import { addressVariable, GATEWAY_PRIVATE_URL, type PlatformProcess, PUBLIC_URL } from '@platform/platform/registry.ts'

/** Where a process listens, on the loopback interface. */
export interface Ports {
  http: number
  /** The port of the gateway's private listener; other processes have none. */
  metrics?: number
}

export interface Surroundings {
  adminUrl: string
  /** By role. */
  passwords: Record<string, string>
  assertionSecret: string
  /** By process. */
  ports: Record<string, Ports>
  /** Absent: the embedded log. */
  kafkaBrokers?: string
}

// Compiled code and stripped types are kept: each start is faster by a third, and each process smaller by 18 MB.
const COMPILE_CACHE = join(ROOT, 'node_modules', '.cache', 'compile')

/**
 * As in the images. V8 gives young objects half of the room that it would take under load, and keep until a full garbage
 * collection: 30 MB less, for a little more work. glibc gives back what is freed; by itself it keeps much of it, in many
 * arenas.
 */
const MEMORY = {
  NODE_OPTIONS: '--max-semi-space-size=8',
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '131072',
  MALLOC_TRIM_THRESHOLD_: '131072',
}

/** Returns the environment that every process gets; a process has more variables of its own. */
export function processEnvironment(target: PlatformProcess, given: Surroundings): Record<string, string> {
  const { http, metrics } = portsOf(target.name, given)
  const addresses = target.calls.map((name) => [addressVariable(name), `http://127.0.0.1:${portsOf(name, given).http}`])
  return {
    NODE_COMPILE_CACHE: COMPILE_CACHE,
    ...MEMORY,
    HOST: '127.0.0.1',
    PORT: String(http),
    ...(metrics === undefined ? {} : { METRICS_PORT: String(metrics) }),
    DATABASE_URL: urlForRole(given.adminUrl, { name: target.name, password: given.passwords[target.name] ?? '' }),
    ASSERTION_SECRET: given.assertionSecret,
    ...(given.kafkaBrokers ? { KAFKA_BROKERS: given.kafkaBrokers } : {}),
    ...Object.fromEntries(addresses),
    ...(target.issuesUrls ? { [PUBLIC_URL]: `http://127.0.0.1:${portsOf('gateway', given).http}` } : {}),
    ...(target.callsGateway ? { [GATEWAY_PRIVATE_URL]: gatewayPrivateUrl(given) } : {}),
  }
}

function gatewayPrivateUrl(given: Surroundings): string {
  return `http://127.0.0.1:${portsOf('gateway', given).metrics ?? 0}`
}

function portsOf(name: string, { ports }: Surroundings): Ports {
  const found = ports[name]
  if (!found) throw new Error(`No port was chosen for ${name}.`)
  return found
}
