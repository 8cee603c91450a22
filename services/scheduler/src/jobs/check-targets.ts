import { type Faults, ParameterError } from '@platform/http/parameter-errors.ts'
import type { TargetGuard } from '../sending/target-guard.ts'
import type { JobWish } from './read-job.ts'
import { INNER_TARGET } from './uri.ts'

const LOOKUP_MS = 1_000

/**
 * Looks at where the requests of some jobs would go. Not in a transaction: it asks the name servers.
 *
 * @returns what is wrong, by parameter, for each wish
 */
export async function faultsOfTargets(guard: TargetGuard, wishes: JobWish[]): Promise<Faults[]> {
  const verdicts = new Map<string, Promise<boolean>>()
  const isRefused = (url: URL): Promise<boolean> => {
    const known = verdicts.get(url.hostname)
    if (known) return known
    const verdict = guard.check(url.hostname, LOOKUP_MS).then(({ refusal }) => refusal !== undefined)
    verdicts.set(url.hostname, verdict)
    return verdict
  }
  return Promise.all(
    wishes.map(async ({ uri, callbackUri, failureCallbackUri }) => {
      const faults: Faults = {}
      const targets = { uri, callback_uri: callbackUri, failure_callback_uri: failureCallbackUri }
      for (const [name, url] of Object.entries(targets)) {
        if (url && (await isRefused(url))) faults[name] = INNER_TARGET
      }
      return faults
    }),
  )
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
