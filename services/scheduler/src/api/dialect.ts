import type { Dialect } from '@platform/http/app.ts'
import { USER_ID_HEADER } from '@platform/http/assertion.ts'
import type { Logger } from '@platform/log/logger.ts'
import { Type } from 'typebox'
import type { Db } from '../db/schema.ts'
import { wantsLegacyStatus } from '../settings/settings.ts'
import { areTexts, readParameters } from './read-parameters.ts'
import { writeRefusal } from './refusals.ts'

export const RefusalAnswer = Type.Object(
  { error: Type.Record(Type.String(), Type.String()) },
  { title: 'JobError', description: 'A message for each parameter that is wrong.' },
)

/** How this service is spoken to: the parameters and errors that clients have known since the first version. */
export function createDialect(options: { db: Db; log: Logger; bodyLimit: number }): Dialect {
  const { db, log, bodyLimit } = options
  return {
    read: readParameters(bodyLimit),
    areTexts,
    writeError: writeRefusal(async (req) => {
      const accountId = req.get(USER_ID_HEADER)
      if (accountId === undefined) return false
      try {
        return await wantsLegacyStatus(db, accountId)
      } catch (error) {
        log.warn("an account's choice of statuses could not be read", { error })
        return false
      }
    }),
  }
}
