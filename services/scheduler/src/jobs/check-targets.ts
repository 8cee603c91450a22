import { type Faults, ParameterError } from '@platform/http/parameter-errors.ts'
import type { TargetGuard } from '../sending/target-guard.ts'
import type { JobWish } from './read-job.ts'
import { INNER_TARGET } from './uri.ts'

/** For one name, and for all of a request's. One without an address by then is looked at when it is connected to. */
const LOOKUP_MS = 1_000
const ALL_LOOKUPS_MS = 3_000
/** How many names of a request are looked up at a time: a batch may name some thousand. */
const AT_A_TIME = 32

/**
 * Looks at where the requests of some jobs would go. Not in a transaction: it asks the name servers.
 *
 * @returns what is wrong, by parameter, for each wish
 */
export async function faultsOfTargets(guard: TargetGuard, wishes: JobWish[]): Promise<Faults[]> {
  const hostnames = wishes.flatMap((wish) => Object.values(targetsOf(wish)).flatMap((url) => url?.hostname ?? []))
  const refused = await refusedOf(guard, new Set(hostnames))
  return wishes.map((wish) => {
    const bad = Object.entries(targetsOf(wish)).filter(([, url]) => url && refused.has(url.hostname))
    return Object.fromEntries(bad.map(([name]) => [name, INNER_TARGET]))
  })
}

function targetsOf({ uri, callbackUri, failureCallbackUri }: JobWish) {
  return { uri, callback_uri: callbackUri, failure_callback_uri: failureCallbackUri }
}

async function refusedOf(guard: TargetGuard, hostnames: Set<string>): Promise<Set<string>> {
  const refused = new Set<string>()
  const end = performance.now() + ALL_LOOKUPS_MS
  const rest = hostnames.values()
  const lookAtSome = async () => {
    for (const hostname of rest) {
      const { refusal } = await guard.check(hostname, Math.min(LOOKUP_MS, end - performance.now()))
      if (refusal) refused.add(hostname)
    }
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, lookAtSome))
  return refused
}

// As the original service tells them; what it did not know comes after that.
const ORDER = ['at', 'uri', 'method', 'callback_uri', 'failure_callback_uri', 'limit', 'body', 'headers']

const placeOf = (name: string) => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length)

/** What is wrong with a job's parameters and with its targets, in the order in which it is told. */
export function allFaults(faults: Faults, ofTargets: Faults = {}): Faults {
  const all = Object.entries({ ...faults, ...ofTargets })
  return Object.fromEntries(all.sort(([a], [b]) => placeOf(a) - placeOf(b)))
}

/** @throws ParameterError with all of them, in their order, when there are any */
export function refuseFaults(faults: Faults): void {
  if (Object.keys(faults).length > 0) throw new ParameterError(faults)
}
