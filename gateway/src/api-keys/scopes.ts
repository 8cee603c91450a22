import type { Caller, Role } from '@platform/http/assertion.ts'
import { DomainError } from '@platform/http/errors.ts'
import type { AccountRole } from '../db/schema.ts'

/** Every scope that a key can be limited to. A route's definition names the one that it needs. */
export const SCOPES = [
  'account:read',
  'account:write',
  'groups:read',
  'groups:write',
  'social:read',
  'social:write',
  'moderation:write',
  'reports:write',
  'moments:read',
  'moments:write',
  'jobs:read',
  'jobs:write',
] as const
export type Scope = (typeof SCOPES)[number]

/** Scopes for programs, with the roles of account that may give them. */
const PROGRAM_SCOPES = new Map<string, AccountRole[]>([
  ['moderation:write', ['moderator', 'admin']],
  ['moments:write', ['admin']],
])

/** What an account is, as services see it. */
export function rolesOfAccount(role: AccountRole): Role[] {
  return role === 'user' ? ['user'] : ['user', role]
}

/** Whether an account of this role may have a key with this scope. */
export function mayGive(role: AccountRole, scope: string): boolean {
  return PROGRAM_SCOPES.get(scope)?.includes(role) ?? true
}

/**
 * What a key gives. One without scopes is as good as its account; one with scopes is a plain user, and a `service`
 * where a scope is for programs. Scopes that its account may no longer give are gone.
 */
export function callerOfKey(userId: string, role: AccountRole, scopes: string[] | null): Caller {
  if (scopes === null) return { userId, roles: rolesOfAccount(role) }
  const left = scopes.filter((scope) => mayGive(role, scope))
  const isProgram = left.some((scope) => PROGRAM_SCOPES.has(scope))
  return { userId, roles: isProgram ? ['user', 'service'] : ['user'], scopes: left }
}

/**
 * Checks that a new or renewed key gives no more than the caller's own credential.
 *
 * @param scopes null: everything that the account may
 * @throws DomainError `forbidden`
 */
export function refuseWiderScopes(caller: Caller, role: AccountRole, scopes: string[] | null): void {
  if (scopes === null) {
    if (caller.scopes) throw new DomainError('forbidden', 'A key with scopes cannot make or renew one without.')
    return
  }
  const tooWide = scopes.filter((scope) => !mayGive(role, scope) || (caller.scopes && !caller.scopes.includes(scope)))
  if (tooWide.length > 0) {
    throw new DomainError('forbidden', 'The scopes are beyond your own.', {
      messages: tooWide.map((scope) => `You cannot give the scope ${scope}.`),
    })
  }
}
