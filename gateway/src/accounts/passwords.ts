import { hash, verify } from '@node-rs/argon2'
import { DomainError } from '@platform/http/errors.ts'
import { BulkheadRejectedError, bulkhead } from 'cockatiel'

// Argon2id (the library's default) with 19 MiB and two passes, as OWASP has it: some 20 ms of a core.
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }
// A hash is work for a thread that the rest of the process needs, too. More than a second's work does not pile up.
const AT_ONCE = 2
const WAITING = 64

const gate = bulkhead(AT_ONCE, WAITING)

/** @returns the Argon2id text to keep */
export function hashPassword(password: string): Promise<string> {
  return bounded(() => hash(password.normalize('NFKC'), COST))
}

let nobodysHash: Promise<string> | undefined

/**
 * Whether the password is the one behind the hash. Without a hash the same work is done, so that the time does not tell
 * whether there is such an account.
 */
export async function isPassword(password: string, kept: string | undefined): Promise<boolean> {
  nobodysHash ??= hash('nobody has this password', COST)
  const against = kept ?? (await nobodysHash)
  const matches = await bounded(() => verify(against, password.normalize('NFKC')))
  return matches && kept !== undefined
}

async function bounded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await gate.execute(work)
  } catch (error) {
    if (!(error instanceof BulkheadRejectedError)) throw error
    const headers = { 'Retry-After': '2' }
    throw new DomainError('unavailable', 'Too many sign-ins at the moment.', { headers, cause: error })
  }
}
