import type { Caller } from '@platform/http/assertion.ts'
import { DomainError } from '@platform/http/errors.ts'
import { type AnswerSeal, runCommand } from '@platform/http/idempotency.ts'
import { defineRoute, type Route, route } from '@platform/http/route.ts'
import { DateTime, Nullable, OneOf } from '@platform/http/schemas.ts'
import { type Static, Type } from 'typebox'
import { getAccount, lockAccount } from '../accounts/accounts.ts'
import type { Db } from '../db/schema.ts'
import { insertKey, type KeyRow, listKeys, lockKey, refuseTooManyKeys, revokeKey, rotateKey } from './api-keys.ts'
import { keyPrefix } from './key-format.ts'
import { refuseWiderScopes, SCOPES } from './scopes.ts'

const fields = {
  id: Type.String(),
  name: Type.String(),
  prefix: Type.String({ description: 'What the key begins with.' }),
  scopes: Nullable(Type.Array(Type.String())),
  createdAt: DateTime,
  expiresAt: Nullable(DateTime),
  lastUsedAt: Nullable(DateTime),
  previousKeyUntil: Nullable(DateTime),
}
const ApiKey = Type.Object(fields, {
  title: 'ApiKey',
  description: '`scopes` null: whatever its account may. `previousKeyUntil`: the end of a rotated key’s grace.',
})
const NewApiKey = Type.Object(
  { ...fields, key: Type.String({ description: 'The key itself. It is shown this once.' }) },
  { title: 'NewApiKey' },
)

const KeyParams = Type.Object({ id: Type.String({ pattern: '^[0-9A-Za-z]{12}$' }) })

const list = defineRoute({
  method: 'get',
  path: '/api-keys',
  operationId: 'listApiKeys',
  summary: 'The keys of your account, oldest first.',
  tag: 'api-keys',
  access: { scope: 'account:read' },
  responses: { 200: Type.Object({ data: Type.Array(ApiKey), count: Type.Integer() }, { title: 'ApiKeys' }) },
  errors: ['not_found'],
})

const create = defineRoute({
  method: 'post',
  path: '/api-keys',
  operationId: 'createApiKey',
  summary: 'Make a key.',
  description: 'Without `scopes` it may whatever your account may. No key gives more than the credential that made it.',
  tag: 'api-keys',
  access: { scope: 'account:write' },
  body: Type.Object({
    name: Type.String({ minLength: 1, maxLength: 100, pattern: '\\S' }),
    scopes: Type.Optional(Type.Array(OneOf([...SCOPES]), { minItems: 1, uniqueItems: true })),
    expiresAt: Type.Optional(DateTime),
  }),
  responses: { 201: NewApiKey },
  errors: ['not_found', 'conflict'],
})

const rotate = defineRoute({
  method: 'post',
  path: '/api-keys/{id}/rotate',
  operationId: 'rotateApiKey',
  summary: 'Replace a key; the old one lives on for `graceHours`.',
  tag: 'api-keys',
  access: { scope: 'account:write' },
  params: KeyParams,
  body: Type.Object({ graceHours: Type.Optional(Type.Number({ minimum: 0, maximum: 24, default: 0 })) }),
  responses: { 200: NewApiKey },
  errors: ['not_found', 'conflict'],
})

const remove = defineRoute({
  method: 'delete',
  path: '/api-keys/{id}',
  operationId: 'revokeApiKey',
  summary: 'Revoke a key.',
  tag: 'api-keys',
  access: { scope: 'account:write' },
  params: KeyParams,
  responses: { 204: null },
  errors: ['not_found'],
})

export interface ApiKeyRouteOptions {
  db: Db
  seal: AnswerSeal
  clock: () => Date
  /** Until when the key that the caller came with is good. */
  keyExpiryOf: (caller: Caller) => Date | undefined
}

const noStore = { 'Cache-Control': 'no-store' }

/** The 'Settings menu': keys are listed, made, rotated and revoked. */
export function apiKeyRoutes({ db, seal, clock, keyExpiryOf }: ApiKeyRouteOptions): Route[] {
  const readExpiry = (caller: Caller, text: string | undefined, now: Date): Date | null => {
    const limit = keyExpiryOf(caller)
    const expiresAt = text === undefined ? (limit ?? null) : new Date(text)
    if (expiresAt && expiresAt <= now) throw new DomainError('validation', 'body.expiresAt must be in the future')
    if (limit && expiresAt && expiresAt > limit) {
      throw new DomainError('forbidden', 'A key cannot make one that outlives it.')
    }
    return expiresAt
  }

  return [
    route(list, async ({ caller }) => {
      await getAccount(db, caller.userId)
      const keys = await listKeys(db, caller.userId)
      return { status: 200, body: { data: keys.map(toApiKey), count: keys.length } }
    }),
    route(create, async (request) => {
      const { caller, body } = request
      const now = clock()
      const scopes = body.scopes ?? null
      const expiresAt = readExpiry(caller, body.expiresAt, now)
      return runCommand(
        db,
        request,
        async (trx) => {
          const { role } = await lockAccount(trx, caller.userId)
          refuseWiderScopes(caller, role, scopes)
          await refuseTooManyKeys(trx, caller.userId)
          const { row, key } = await insertKey(trx, {
            accountId: caller.userId,
            name: body.name,
            scopes,
            expiresAt,
            now,
          })
          return { status: 201 as const, headers: noStore, body: { ...toApiKey(row), key } }
        },
        { seal },
      )
    }),
    route(rotate, async (request) => {
      const { caller, params, body } = request
      return runCommand(
        db,
        request,
        async (trx) => {
          const { role } = await lockAccount(trx, caller.userId)
          const found = await lockKey(trx, caller.userId, params.id)
          refuseWiderScopes(caller, role, found.scopes)
          refuseLongerLife(keyExpiryOf(caller), found)
          const { row, key } = await rotateKey(trx, found, body.graceHours ?? 0, clock())
          return { status: 200 as const, headers: noStore, body: { ...toApiKey(row), key } }
        },
        { seal },
      )
    }),
    route(remove, async ({ caller, params }) => {
      await db.transaction().execute(async (trx) => {
        await lockKey(trx, caller.userId, params.id)
        await revokeKey(trx, params.id)
      })
      return { status: 204 }
    }),
  ]
}

function refuseLongerLife(limit: Date | undefined, key: KeyRow): void {
  if (limit && (key.expires_at === null || key.expires_at > limit)) {
    throw new DomainError('forbidden', 'A key cannot renew one that outlives it.')
  }
}

function toApiKey(row: KeyRow): Static<typeof ApiKey> {
  return {
    id: row.id,
    name: row.name,
    prefix: keyPrefix(row.id),
    scopes: row.scopes,
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at?.toISOString() ?? null,
    lastUsedAt: row.last_used_at?.toISOString() ?? null,
    previousKeyUntil: row.previous_until?.toISOString() ?? null,
  }
}
