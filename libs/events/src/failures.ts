import { isUnavailable } from '@platform/db/database.ts'
import { DomainError } from '@platform/http/errors.ts'

/** An envelope or its data does not have the shape it promises. Trying again cannot help. */
export class InvalidEvent extends Error {
  override readonly name = 'InvalidEvent'
  readonly faults: string[]

  constructor(what: string, faults: string[]) {
    super(`${what}: ${faults.slice(0, 10).join('; ')}`)
    this.faults = faults
  }
}

/** An earlier version of the entity has not been seen yet: the event has to wait for it. */
export class VersionGap extends Error {
  override readonly name = 'VersionGap'

  constructor(subject: string, current: number | undefined, version: number) {
    super(`Version ${version} of ${subject} cannot follow ${current === undefined ? 'nothing' : `version ${current}`}.`)
  }
}

/**
 * What to do about an error of a handler. `outage`: wait for as long as it takes. `gap`: keep the event until its
 * predecessor is there. `never`: it cannot work, however often. `retry`: it may work the next time.
 */
export type FailureKind = 'outage' | 'gap' | 'never' | 'retry'

export function failureKind(error: unknown): FailureKind {
  if (isUnavailable(error)) return 'outage'
  if (error instanceof VersionGap) return 'gap'
  if (error instanceof InvalidEvent) return 'never'
  if (error instanceof DomainError) return error.code === 'unavailable' ? 'outage' : 'never'
  return 'retry'
}
