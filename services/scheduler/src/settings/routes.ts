import { runCommand } from '@platform/http/idempotency.ts'
import { defineRoute, type Route, route } from '@platform/http/route.ts'
import { DateTime } from '@platform/http/schemas.ts'
import { Type } from 'typebox'
import { RefusalAnswer } from '../api/dialect.ts'
import type { Db, Tx } from '../db/schema.ts'
import { success } from '../jobs/shapes.ts'
import type { JobSecrets } from '../secrets/job-secrets.ts'
import { getSettings, rotateSecret, setLegacyStatus, zoneOf } from './settings.ts'

const Settings = Type.Object(
  {
    timezone: Type.String({ description: "The account's; it is changed there." }),
    legacy_status: Type.Boolean({ description: 'Errors are answered with status 200.' }),
    signing_secret: Type.String({ description: 'Requests are signed with it as Standard Webhooks has it.' }),
    previous_signing_secret: Type.Optional(Type.String()),
    previous_signing_secret_until: Type.Optional(DateTime),
  },
  { title: 'JobSettings' },
)

const common = {
  tag: 'scheduler',
  errorAnswer: RefusalAnswer,
  hasETag: true,
  responses: { 200: success({ settings: Settings }) },
}
const write = { ...common, access: { scope: 'jobs:write' } }

// The secret is shown, so a key that may only read jobs is not enough.
const getDefinition = defineRoute({
  ...write,
  method: 'get',
  path: '/jobs/settings.json',
  operationId: 'getJobSettings',
  summary: "The account's settings for jobs, with the signing secret",
})

const putDefinition = defineRoute({
  ...write,
  method: 'put',
  path: '/jobs/settings.json',
  operationId: 'updateJobSettings',
  summary: "Change the account's settings for jobs",
  body: Type.Object({ legacy_status: Type.Boolean() }, { title: 'JobSettingsInput' }),
  takesForms: true,
})

const HOUR_MS = 3_600_000
const GRACE_HOURS = 24

const rotateDefinition = defineRoute({
  ...write,
  method: 'post',
  path: '/jobs/settings/secret/rotate.json',
  operationId: 'rotateJobSecret',
  summary: 'Replace the signing secret',
  description: 'For `grace_hours`, in the query, a form or JSON, requests carry a signature by the old one, too.',
  body: Type.Object(
    { grace_hours: Type.Optional(Type.Number({ minimum: 0, maximum: 168, default: GRACE_HOURS })) },
    { title: 'JobSecretRotation' },
  ),
  takesForms: true,
})

/** An account's settings for its jobs. */
export function settingsRoutes({ db, now, secrets }: { db: Db; now: () => Date; secrets: JobSecrets }): Route[] {
  const show = async (trx: Tx, accountId: string) => {
    const { legacyStatus, signingSecret, previousSecret, previousSecretUntil } = await getSettings(
      trx,
      secrets,
      accountId,
      now(),
    )
    const settings = {
      timezone: await zoneOf(trx, accountId),
      legacy_status: legacyStatus,
      signing_secret: signingSecret,
      previous_signing_secret: previousSecret,
      previous_signing_secret_until: previousSecretUntil?.toISOString(),
    }
    return { status: 200 as const, headers: { 'Cache-Control': 'no-store' }, body: { success: { settings } } }
  }
  return [
    route(getDefinition, async ({ caller }) => db.transaction().execute((trx) => show(trx, caller.userId))),
    route(putDefinition, async (request) => {
      const { userId } = request.caller
      const change = async (trx: Tx) => {
        await setLegacyStatus(trx, secrets, userId, request.body.legacy_status)
        return show(trx, userId)
      }
      return runCommand(db, request, change, { seal: secrets.answerSeal(userId) })
    }),
    route(rotateDefinition, async (request) => {
      const { userId } = request.caller
      const graceMs = (request.body.grace_hours ?? GRACE_HOURS) * HOUR_MS
      const rotate = async (trx: Tx) => {
        await rotateSecret(trx, secrets, userId, new Date(now().getTime() + graceMs))
        return show(trx, userId)
      }
      return runCommand(db, request, rotate, { seal: secrets.answerSeal(userId) })
    }),
  ]
}
