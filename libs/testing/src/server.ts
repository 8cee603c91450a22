import pg from 'pg'

/** Runs `work` on a connection of its own. */
export async function onServer<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  // A server that stops under us is told by the query that fails, not by an event.
  client.on('error', () => {})
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** The address of another database of the same server. */
export function urlOfDatabase(url: string, database: string): string {
  const address = new URL(url)
  address.pathname = `/${database}`
  return address.href
}

/** Creates a database, empty or as a copy. @returns its address for the same login */
export async function createDatabase(adminUrl: string, name: string, template = 'template0'): Promise<string> {
  await onServer(adminUrl, (client) => client.query(`create database ${name} template ${template}`))
  return urlOfDatabase(adminUrl, name)
}
