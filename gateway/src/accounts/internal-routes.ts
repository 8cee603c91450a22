import { AccountState } from '@platform/contracts/accounts.ts'
import { defineRoute, type Route, route } from '@platform/http/route.ts'
import { Uuid } from '@platform/http/schemas.ts'
import { Type } from 'typebox'
import type { Db } from '../db/schema.ts'
import { getAccount, toAccountState } from './accounts.ts'

const accountDefinition = defineRoute({
  method: 'get',
  tag: 'internal',
  access: { scope: 'internal', issuer: 'internal' },
  path: '/internal/accounts/{accountId}',
  operationId: 'getAccountState',
  summary: "An account's newest state, for a service whose copy of it may be late",
  params: Type.Object({ accountId: Uuid }),
  responses: { 200: Type.Object({ version: Type.Integer(), state: AccountState }) },
  errors: ['not_found'],
})

/** Returns the routes for other services. The gateway serves them on its private listener only. */
export function internalAccountRoutes({ db }: { db: Db }): Route[] {
  return [
    route(accountDefinition, async ({ params }) => {
      const account = await getAccount(db, params.accountId)
      return { status: 200, body: { version: account.version, state: toAccountState(account) } }
    }),
  ]
}
