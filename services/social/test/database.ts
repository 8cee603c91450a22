import { openDatabase } from '@platform/db/database.ts'
import { createLogger } from '@platform/log/logger.ts'
import type { TestDatabase } from '@platform/testing/database.ts'
import type { SocialTables } from '../src/db/schema.ts'

const log = createLogger({ service: 'test', level: 'silent', format: 'pretty' })

/** The service's own login, for what no answer shows: kept numbers, what is left of a delete, plans. */
export function openSocial(database: TestDatabase) {
  return openDatabase<SocialTables>({
    url: database.urlFor('social'),
    applicationName: 'test',
    log,
    poolSize: 2,
    statementTimeoutMs: 120_000,
  })
}
