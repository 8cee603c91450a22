import { randomBytes } from 'node:crypto'
import { type Database, openDatabase } from '@platform/db/database.ts'
import { migrate } from '@platform/db/migrate.ts'
import { provision, type SchemaOwner, urlForRole } from '@platform/db/provision.ts'
import { createLogger, type Logger } from '@platform/log/logger.ts'
import { cloneDatabase } from '@platform/testing/database.ts'
import { type Kysely, sql } from 'kysely'
import pg from 'pg'
import { Type } from 'typebox'
import { defineEvent } from '../src/event-type.ts'
import { eventMigrations, grantEventLog } from '../src/migrations.ts'
import { type EventTables, publish } from '../src/outbox.ts'

/** A service made up for tests: things that have a version and a name, and a read model of them. */
export interface ThingTables extends EventTables {
  thing: { id: string; version: number; name: string }
  /** Every effect that was committed, in order. */
  effect: { id?: number; event_id: string; subject: string; version: number; name: string }
}

export const thingChanged = defineEvent({
  type: 'things.thing.changed',
  topic: 'things.thing',
  description: 'A thing changed.',
  data: Type.Object({ id: Type.String(), name: Type.String(), boxId: Type.Optional(Type.String()) }),
})

export const thingRenamed = defineEvent({
  type: 'things.thing.renamed',
  topic: 'things.thing',
  description: 'Nobody listens to this.',
  data: Type.Object({ id: Type.String() }),
})

export const quiet: Logger = createLogger({ service: 'test', level: 'silent', format: 'json' })

/** A schema of its own in a database of its own, with the rights of a service and no more. */
export interface TestService extends Database<ThingTables> {
  name: string
  url: string
  adminUrl: string
  /** Runs one statement as the superuser. */
  asAdmin<R extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<R[]>
  /** Inserts or changes a thing and publishes that, as a command does. */
  change(id: string, name: string, options?: { key?: string }): Promise<void>
  effects(): Promise<{ subject: string; version: number; name: string }[]>
}

export async function startTestService(): Promise<TestService> {
  const clone = await cloneDatabase()
  const owner: SchemaOwner = { name: `things_${randomBytes(5).toString('hex')}`, password: 'only-for-a-test' }
  await provision(clone.adminUrl, [owner])
  await grantEventLog(clone.adminUrl, [owner.name])
  const url = urlForRole(clone.adminUrl, owner)
  const database = openDatabase<ThingTables>({ url, applicationName: 'things', log: quiet })
  const { db } = database
  await migrate(database.db as Kysely<unknown>, [eventMigrations])
  await sql`create table thing (id text primary key, version integer not null, name text not null)`.execute(db)
  await sql`create table effect (id bigint generated always as identity primary key, event_id text not null,
    subject text not null, version integer not null, name text not null)`.execute(db)
  const asAdmin = async <R extends pg.QueryResultRow>(text: string, values: unknown[] = []) => {
    const client = new pg.Client({ connectionString: clone.adminUrl })
    await client.connect()
    try {
      return (await client.query<R>(text, values)).rows
    } finally {
      await client.end()
    }
  }
  return {
    ...database,
    name: owner.name,
    url,
    adminUrl: clone.adminUrl,
    asAdmin,
    change: (id, name, { key } = {}) => changeThing(db, id, name, key),
    effects: () => db.selectFrom('effect').select(['subject', 'version', 'name']).orderBy('id').execute(),
    close: async () => {
      await database.close()
      await asAdmin(`drop owned by ${owner.name} cascade`)
      await clone.drop()
    },
  }
}

async function changeThing(db: Kysely<ThingTables>, id: string, name: string, key?: string): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const { version } = await trx
      .insertInto('thing')
      .values({ id, name, version: 1 })
      .onConflict((conflict) => conflict.column('id').doUpdateSet({ name, version: sql<number>`thing.version + 1` }))
      .returning('version')
      .executeTakeFirstOrThrow()
    const event = { source: '/services/things', subject: id, key, entityVersion: version, data: { id, name } }
    await publish(trx, thingChanged, event, { at: new Date() })
  })
}
