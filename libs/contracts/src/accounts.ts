import { defineEvent } from '@platform/events/event-type.ts'
import { type Static, Type } from 'typebox'
import { Lifetime, Uuid } from './shapes.ts'

/** All that other services may know of an account: no address, no credential. */
export const AccountState = Type.Object({
  id: Uuid,
  timezone: Type.String({ description: 'IANA name, such as Europe/Oslo.' }),
  ...Lifetime,
})
export type AccountState = Static<typeof AccountState>

const accountEvent = (what: string, description: string) =>
  defineEvent({ type: `accounts.account.${what}`, topic: 'accounts.account', description, data: AccountState })

export const accountCreated = accountEvent('created', 'Somebody signed up.')
export const accountUpdated = accountEvent('updated', 'An account changed its settings.')
export const accountDeleted = accountEvent('deleted', 'An account was deleted; its keys and tokens went with it.')

export const accountEvents = [accountCreated, accountUpdated, accountDeleted]
