import { existsSync, lstatSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'

/**
 * The superuser's address at the server that `startPostgres` runs in `folder`, for a command beside it; undefined when
 * none runs there.
 */
export function findPostgres(folder: string): string | undefined {
  const link = join(folder, 'home')
  const home = lstatSync(link, { throwIfNoEntry: false }) ? readlinkSync(link) : folder
  const lock = join(home, 'data', 'postmaster.pid')
  const secret = join(folder, 'password')
  if (!existsSync(lock) || !existsSync(secret)) return undefined
  const port = readFileSync(lock, 'utf8').split('\n')[3]?.trim()
  return port ? `postgres://postgres:${readFileSync(secret, 'utf8').trim()}@127.0.0.1:${port}/postgres` : undefined
}
