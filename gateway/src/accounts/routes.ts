import { createHmac } from 'node:crypto'
import type { Cause } from '@platform/events/outbox.ts'
import { DomainError } from '@platform/http/errors.ts'
import { type AnswerSeal, runCommand } from '@platform/http/idempotency.ts'
import { defineRoute, type Route, type RouteRequest, route } from '@platform/http/route.ts'
import { DateTime, OneOf, Uuid } from '@platform/http/schemas.ts'
import { type Static, Type } from 'typebox'
import { rolesOfAccount } from '../api-keys/scopes.ts'
import { ACCOUNT_ROLES, type Db } from '../db/schema.ts'
import type { SignInLimits } from '../limits/sign-in.ts'
import { type AccountRow, createAccount, deleteAccount, getAccount, normaliseEmail, updateAccount } from './accounts.ts'
import { hashPassword, isPassword } from './passwords.ts'
import { readTimeZone } from './time-zone.ts'

const Email = Type.String({ format: 'email', maxLength: 254, description: 'Upper and lower case are the same.' })
const NewPassword = Type.String({ minLength: 8, maxLength: 200, pattern: '\\S' })
const TimeZone = Type.String({ minLength: 1, maxLength: 64, description: 'IANA name, such as Europe/Oslo.' })

const Account = Type.Object(
  {
    id: Uuid,
    email: Type.String(),
    timezone: Type.String(),
    roles: Type.Array(OneOf([...ACCOUNT_ROLES])),
    createdAt: DateTime,
    updatedAt: DateTime,
  },
  { title: 'Account' },
)

const signUp = defineRoute({
  method: 'post',
  path: '/accounts',
  operationId: 'signUp',
  summary: 'Sign up.',
  tag: 'accounts',
  access: 'everyone',
  body: Type.Object({ email: Email, password: NewPassword, timezone: Type.Optional(TimeZone) }),
  responses: {
    201: Type.Object(
      {
        id: Uuid,
        email: Type.String(),
        timezone: Type.String(),
        apiKey: Type.String({ description: 'A first API key. It is shown this once.' }),
      },
      { title: 'NewAccount' },
    ),
  },
  errors: ['conflict'],
})

const read = defineRoute({
  method: 'get',
  path: '/accounts/me',
  operationId: 'getAccount',
  summary: 'Your account.',
  tag: 'accounts',
  access: { scope: 'account:read' },
  responses: { 200: Account },
  errors: ['not_found'],
})

const change = defineRoute({
  method: 'patch',
  path: '/accounts/me',
  operationId: 'updateAccount',
  summary: 'Change your time zone, address or password.',
  description: 'A new address or password needs `currentPassword`. A new password ends every session.',
  tag: 'accounts',
  access: { scope: 'account:write' },
  body: Type.Object({
    timezone: Type.Optional(TimeZone),
    email: Type.Optional(Email),
    password: Type.Optional(NewPassword),
    currentPassword: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
  }),
  responses: { 200: Account },
  errors: ['not_found', 'conflict'],
})

const remove = defineRoute({
  method: 'delete',
  path: '/accounts/me',
  operationId: 'deleteAccount',
  summary: 'Delete your account, with its keys and sessions.',
  tag: 'accounts',
  access: { scope: 'account:write' },
  responses: { 204: null },
  errors: ['not_found'],
})

export interface AccountRouteOptions {
  db: Db
  limits: SignInLimits
  seal: AnswerSeal
  /** Keeps passwords out of the fingerprints of idempotency keys. */
  fingerprintSecret: string
  clock: () => Date
}

/** Signing up, and one's own account. */
export function accountRoutes({ db, limits, seal, fingerprintSecret, clock }: AccountRouteOptions): Route[] {
  const causeOf = ({ caller, traceparent }: Pick<RouteRequest<0, 0, 0>, 'caller' | 'traceparent'>): Cause => ({
    at: clock(),
    traceparent,
    actorId: caller.userId,
  })

  return [
    route(signUp, async (request) => {
      const email = normaliseEmail(request.body.email)
      const timezone = readTimeZone(request.body.timezone ?? 'UTC')
      await limits.signUp(request.address)
      const passwordHash = await hashPassword(request.body.password)
      // A plain hash of the body would be a fast way to try passwords.
      const password = createHmac('sha256', fingerprintSecret).update(request.body.password).digest('base64')
      return runCommand(
        db,
        { ...request, body: { email, timezone, password } },
        async (trx) => {
          const { account, apiKey } = await createAccount(trx, { email, passwordHash, timezone }, causeOf(request))
          const body = { id: account.id, email, timezone, apiKey }
          return { status: 201 as const, headers: { 'Cache-Control': 'no-store' }, body }
        },
        { owner: `sign-up:${email}`, seal },
      )
    }),
    route(read, async ({ caller }) => ({ status: 200, body: toAccount(await getAccount(db, caller.userId)) })),
    route(change, async (request) => {
      const { body, caller } = request
      const email = body.email === undefined ? undefined : normaliseEmail(body.email)
      const timezone = body.timezone === undefined ? undefined : readTimeZone(body.timezone)
      if (email !== undefined || body.password !== undefined) {
        await requirePassword(await getAccount(db, caller.userId), body.currentPassword, request.address)
      }
      const passwordHash = body.password === undefined ? undefined : await hashPassword(body.password)
      const account = await db
        .transaction()
        .execute((trx) => updateAccount(trx, caller.userId, { email, timezone, passwordHash }, causeOf(request)))
      return { status: 200, body: toAccount(account) }
    }),
    route(remove, async (request) => {
      await db.transaction().execute((trx) => deleteAccount(trx, request.caller.userId, causeOf(request)))
      return { status: 204 }
    }),
  ]

  /** A stolen token or key alone must not take an account over. Tries count as sign-ins do. */
  async function requirePassword(account: AccountRow, given: string | undefined, address: string): Promise<void> {
    if (given === undefined) throw new DomainError('validation', 'body.currentPassword is missing')
    const attempt = await limits.begin(account.email ?? '', address)
    if (!(await isPassword(given, account.password_hash ?? undefined))) {
      throw new DomainError('forbidden', 'The current password is not right.')
    }
    await attempt.succeeded()
  }
}

function toAccount(row: AccountRow): Static<typeof Account> {
  return {
    id: row.id,
    email: row.email ?? '',
    timezone: row.timezone,
    roles: rolesOfAccount(row.role).filter((role) => role !== 'service'),
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  }
}
