/**
 * Prepares or updates a database, as a job of its own before the processes start: `pnpm migrate`.
 *
 * With ADMIN_DATABASE_URL (a login that may create roles and schemas) it provisions everything, then migrates every
 * schema; each role's password is given as NAME_DATABASE_PASSWORD.
 * With arguments, `pnpm migrate groups`, it migrates these schemas only, each with its own login: NAME_DATABASE_URL, or
 * DATABASE_URL where only one is named.
 */
import { migrateSchema, prepareDatabase } from '@platform/local/prepare-database.ts'
import { passwordVariable, SCHEMAS } from '@platform/platform/registry.ts'

async function migrateAll(): Promise<Record<string, string[]>> {
  const passwords = Object.fromEntries(SCHEMAS.map((name) => [name, required(passwordVariable(name))]))
  return prepareDatabase(required('ADMIN_DATABASE_URL'), passwords)
}

async function migrateNamed(names: string[]): Promise<Record<string, string[]>> {
  const unknown = names.filter((name) => !SCHEMAS.includes(name))
  if (unknown.length > 0) throw new Error(`There is no schema ${unknown.join(', ')}; there are ${SCHEMAS.join(', ')}.`)
  const applied: Record<string, string[]> = {}
  for (const name of names) {
    const own = `${name.toUpperCase()}_DATABASE_URL`
    const url = process.env[own] ?? (names.length === 1 ? required('DATABASE_URL') : required(own))
    applied[name] = await migrateSchema(name, url)
  }
  return applied
}

function required(name: string): string {
  const value = process.env[name]
  if (!value) throw new Error(`${name} is missing.`)
  return value
}

try {
  const names = process.argv.slice(2)
  const applied = names.length > 0 ? await migrateNamed(names) : await migrateAll()
  const lines = Object.entries(applied).flatMap(([schema, migrations]) => migrations.map((name) => `${schema} ${name}`))
  console.log(lines.length > 0 ? lines.join('\n') : 'Nothing to migrate.')
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
