import { openDatabase } from '@platform/db/database.ts'
import { createLogger } from '@platform/log/logger.ts'
import { setRole } from './accounts/first-admin.ts'
import { loadConfig } from './config.ts'
import { ACCOUNT_ROLES, type Db, type GatewayTables } from './db/schema.ts'
import { gatewaySeal } from './tokens/seals.ts'
import { rotateSigningKey } from './tokens/signing-keys.ts'

const USAGE = `Usage: node gateway/src/cli.ts COMMAND
  rotate-signing-key        sign with a new key; the old one stays published until its tokens have expired
  make-admin EMAIL          make an account an admin
  set-role EMAIL ROLE       ${ACCOUNT_ROLES.join(', ')}
It reads the gateway's environment: DATABASE_URL, KEY_ENCRYPTION_SECRET.`

const settings = loadConfig(process.env)
const log = createLogger({ service: 'gateway', level: 'warn', format: 'pretty' })
const database = openDatabase<GatewayTables>({
  url: settings.DATABASE_URL,
  applicationName: 'gateway-cli',
  log,
  poolSize: 1,
})

async function run(db: Db, [command, email = '', role = 'admin']: string[]): Promise<string> {
  const now = new Date()
  if (command === 'rotate-signing-key') {
    const seal = gatewaySeal(settings.KEY_ENCRYPTION_SECRET, 'signing keys')
    return `The signing key is ${await rotateSigningKey(db, seal, now)} now.`
  }
  const wanted = ACCOUNT_ROLES.find((name) => name === role)
  const isRoleCommand = command === 'make-admin' || command === 'set-role'
  if (!isRoleCommand || email === '' || !wanted) throw new Error(USAGE)
  await setRole(db, email, wanted, now)
  return `${email} is ${wanted} now.`
}

try {
  console.log(await run(database.db, process.argv.slice(2)))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  await database.close()
}
