import { readdir } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'
import { type Kysely, sql } from 'kysely'
import { type Migration, type MigrationProvider, Migrator, NO_MIGRATIONS } from 'kysely/migration'

/**
 * Migrations from folders, by file name. The libraries that keep tables of their own in a service's schema (outbox,
 * inbox, idempotency keys) bring a folder each; the names begin with a time, so that the order is one order.
 */
class FolderProvider implements MigrationProvider {
  readonly #folders: string[]
  constructor(folders: string[]) {
    this.#folders = folders
  }
  async getMigrations(): Promise<Record<string, Migration>> {
    const migrations: Record<string, Migration> = {}
    for (const folder of this.#folders) {
      for (const file of (await readdir(folder)).sort()) {
        if (!/^\d{4}-.*\.ts$/.test(file)) continue
        const name = file.slice(0, -3)
        if (migrations[name]) throw new Error(`Two migrations are named ${name}.`)
        migrations[name] = (await import(pathToFileURL(`${folder}/${file}`).href)) as Migration
      }
    }
    return migrations
  }
}

async function createMigrator<T>(db: Kysely<T>, folders: string[]): Promise<Migrator> {
  const { rows } = await sql<{ schema: string }>`select current_schema() as schema`.execute(db)
  return new Migrator({
    db,
    provider: new FolderProvider(folders),
    allowUnorderedMigrations: true,
    // Without it, Kysely takes the table of any schema that the role can see for its own.
    migrationTableSchema: rows[0]?.schema,
  })
}

/**
 * Brings the schema to the newest version. Safe to run from several processes at once: Kysely takes a lock.
 *
 * @param folders absolute paths
 * @returns the names that were applied by this call
 * @throws the first error; nothing of the run is kept then
 */
export async function migrate(db: Kysely<unknown>, folders: string[]): Promise<string[]> {
  const { error, results = [] } = await (await createMigrator(db, folders)).migrateToLatest()
  if (error) throw error
  return results.filter((result) => result.status === 'Success').map((result) => result.migrationName)
}

/** The names that are not applied yet; a process is ready only when there are none. */
export async function pendingMigrations<T>(db: Kysely<T>, folders: string[]): Promise<string[]> {
  const migrations = await (await createMigrator(db, folders)).getMigrations()
  return migrations.filter((migration) => migration.executedAt === undefined).map((migration) => migration.name)
}

/** Undoes everything, for the test that shows that migrations go both ways. */
export async function migrateDown(db: Kysely<unknown>, folders: string[]): Promise<void> {
  const { error } = await (await createMigrator(db, folders)).migrateTo(NO_MIGRATIONS)
  if (error) throw error
}
