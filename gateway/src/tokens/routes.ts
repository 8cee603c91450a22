import { isUnavailable } from '@platform/db/database.ts'
import { type AnswerSeal, runCommand } from '@platform/http/idempotency.ts'
import { defineRoute, type Route, route } from '@platform/http/route.ts'
import { type Static, Type } from 'typebox'
import { findAccountByEmail, normaliseEmail } from '../accounts/accounts.ts'
import { isPassword } from '../accounts/passwords.ts'
import { hashSecret } from '../api-keys/key-format.ts'
import { rolesOfAccount } from '../api-keys/scopes.ts'
import { unauthorized } from '../credentials/credential.ts'
import type { Db } from '../db/schema.ts'
import type { SignInLimits } from '../limits/sign-in.ts'
import type { AccessTokens } from './access-tokens.ts'
import {
  openSession,
  type RefreshOutcome,
  type Renewal,
  renewalOf,
  renewSession,
  revokeByRefreshToken,
} from './sessions.ts'
import { ACCESS_TOKEN_SECONDS, type SigningKeys } from './signing-keys.ts'

const Tokens = Type.Object(
  {
    accessToken: Type.String({ description: 'A JWT, for `Authorization: Bearer`.' }),
    tokenType: Type.Literal('Bearer'),
    expiresIn: Type.Integer({ description: 'Seconds.' }),
    refreshToken: Type.String({ description: 'Good once, for `POST /auth/refresh`.' }),
  },
  { title: 'Tokens' },
)
type Tokens = Static<typeof Tokens>

const RefreshTokenBody = Type.Object({ refreshToken: Type.String({ minLength: 1, maxLength: 200 }) })

const signIn = defineRoute({
  method: 'post',
  path: '/auth/token',
  operationId: 'signIn',
  summary: 'Sign in with a password.',
  tag: 'auth',
  access: 'everyone',
  body: Type.Object({
    email: Type.String({ minLength: 1, maxLength: 254 }),
    password: Type.String({ minLength: 1, maxLength: 200 }),
  }),
  responses: { 200: Tokens },
  errors: ['unauthorized'],
})

const refresh = defineRoute({
  method: 'post',
  path: '/auth/refresh',
  operationId: 'refreshTokens',
  summary: 'Exchange a refresh token for new tokens.',
  description:
    'Each refresh token is good once. When one is shown again, its whole session ends, because somebody else may have ' +
    'it. Of two requests at the same time one gets the tokens and the other 409. With an `Idempotency-Key` a request ' +
    'whose answer was lost can be sent again.',
  tag: 'auth',
  access: 'everyone',
  body: RefreshTokenBody,
  responses: { 200: Tokens },
  errors: ['unauthorized', 'conflict'],
})

const revoke = defineRoute({
  method: 'post',
  path: '/auth/revoke',
  operationId: 'signOut',
  summary: 'End the session of a refresh token, with its access tokens.',
  tag: 'auth',
  access: 'everyone',
  body: RefreshTokenBody,
  responses: { 204: null },
})

const jwks = defineRoute({
  method: 'get',
  path: '/.well-known/jwks.json',
  operationId: 'getJwks',
  summary: 'The public keys of the access tokens.',
  tag: 'auth',
  access: 'everyone',
  responses: { 200: Type.Object({ keys: Type.Array(Type.Unsafe<object>({ type: 'object' })) }, { title: 'Jwks' }) },
})

export interface TokenRouteOptions {
  db: Db
  tokens: AccessTokens
  keys: SigningKeys
  limits: SignInLimits
  seal: AnswerSeal
  clock: () => Date
}

/** Signing in, staying signed in, signing out. */
export function tokenRoutes({ db, tokens, keys, limits, seal, clock }: TokenRouteOptions): Route[] {
  const answer = async ({ accountId, role, sessionId, refreshToken }: Renewal): Promise<Tokens> => ({
    accessToken: await tokens.sign(accountId, rolesOfAccount(role), sessionId),
    tokenType: 'Bearer',
    expiresIn: ACCESS_TOKEN_SECONDS,
    refreshToken,
  })
  const headers = { 'Cache-Control': 'no-store' }

  return [
    route(signIn, async ({ body, address, log }) => {
      const email = normaliseEmail(body.email)
      const attempt = await limits.begin(email, address)
      const account = await findAccountByEmail(db, email)
      if (!(await isPassword(body.password, account?.password_hash ?? undefined)) || !account) {
        log.info('sign-in failed', { accountId: account?.id })
        throw unauthorized('The address or the password is not right.')
      }
      const renewal = await db.transaction().execute((trx) => openSession(trx, account, clock()))
      await attempt.succeeded()
      return { status: 200, headers, body: await answer(renewal) }
    }),
    route(refresh, async (request) => {
      const { refreshToken } = request.body
      const work = async (trx: Parameters<typeof renewSession>[0]) => ({
        status: 200,
        body: await renewSession(trx, refreshToken, clock()),
      })
      const owner = `refresh:${hashSecret(refreshToken).toString('hex')}`
      const outcome: { body: RefreshOutcome } = await runCommand(db, request, work, { owner, seal })
      if (outcome.body === 'reused') request.log.warn('a refresh token was used twice; its session has ended')
      return { status: 200, headers, body: await answer(renewalOf(outcome.body)) }
    }),
    route(revoke, async ({ body }) => {
      await db.transaction().execute((trx) => revokeByRefreshToken(trx, body.refreshToken, clock()))
      return { status: 204 }
    }),
    route(jwks, async ({ log }) => {
      // Another replica may have made a key; while the database is away, the keys known here have to do.
      await keys.refresh().catch((error) => {
        if (!isUnavailable(error)) throw error
        log.warn('signing keys were not read anew', { error })
      })
      return { status: 200, headers: { 'Cache-Control': 'public, max-age=300' }, body: keys.jwks() }
    }),
  ]
}
