import pg from 'pg'

/** A service's place in the database: a schema of its own, and a role that has rights on nothing else. */
export interface SchemaOwner {
  /** Name of the schema and of the role. */
  name: string
  password: string
}

const quote = pg.escapeIdentifier

/** Lets only one process of the cluster provision at a time: roles are shared by all of its databases. */
const PROVISION_LOCK = 7_233_141

/**
 * Creates the roles and schemas that are missing, and takes every right on them from everybody else. What stands
 * already stays; passwords are set anew.
 *
 * @param adminUrl a role that may create roles and schemas, in the database to be prepared
 */
export async function provision(adminUrl: string, owners: SchemaOwner[]): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl })
  await client.connect()
  try {
    await client.query('select pg_advisory_lock($1)', [PROVISION_LOCK])
    const database = (await client.query<{ name: string }>('select current_database() as name')).rows[0]!.name
    await client.query('revoke all on schema public from public')
    await client.query('grant usage on schema public to public')
    for (const extension of ['pg_trgm', 'cube', 'earthdistance']) {
      await client.query(`create extension if not exists ${extension} schema public`)
    }
    for (const owner of owners) await provisionOwner(client, owner)
    await admitRoles(
      client,
      database,
      owners.map(({ name }) => name),
    )
  } finally {
    await client.end()
  }
}

async function provisionOwner(client: pg.Client, { name, password }: SchemaOwner): Promise<void> {
  const role = quote(name)
  const exists = await client.query('select from pg_roles where rolname = $1', [name])
  const verb = exists.rowCount === 0 ? 'create' : 'alter'
  await client.query(`${verb} role ${role} login password ${pg.escapeLiteral(password)}`)
  // The schema is handed over by a member of the role: a plain superuser is one anyway.
  await client.query(`grant ${role} to current_user`)
  await client.query(`create schema if not exists ${role} authorization ${role}`)
  await client.query(`revoke all on schema ${role} from public`)
}

/**
 * Lets these roles, and nobody else, connect to the database, and sets where each looks for its tables. This is what
 * `CREATE DATABASE … TEMPLATE` does not copy.
 */
export async function admitRoles(client: pg.Client, database: string, roles: readonly string[]): Promise<void> {
  const target = quote(database)
  await client.query(`revoke all on database ${target} from public`)
  for (const role of roles.map(quote)) {
    await client.query(`grant connect on database ${target} to ${role}`)
    await client.query(`alter role ${role} in database ${target} set search_path = ${role}, public`)
  }
}

/** The address of the same database for another role. */
export function urlForRole(adminUrl: string, { name, password }: SchemaOwner): string {
  const url = new URL(adminUrl)
  url.username = encodeURIComponent(name)
  url.password = encodeURIComponent(password)
  return url.href
}
