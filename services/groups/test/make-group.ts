import { randomBytes } from 'node:crypto'

/** A short name that no other test takes. */
export const uniqueName = (): string => `g_${randomBytes(8).toString('hex')}`

/** What a group cannot do without. */
export function newGroup() {
  return { name: 'Runners', description: 'We run.', shortName: uniqueName(), postRules: 'Everyone' }
}
