import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { eventLogMigrations } from '@platform/events/migrations.ts'

/** One process of the platform. Each owns the schema, and logs in with the role, of its own name. */
export interface PlatformProcess {
  name: string
  /** From the root of the repository. It starts with `src/main.ts` and migrates what `src/db/migrations.ts` lists. */
  folder: string
  /** The processes whose addresses it is given, as `NAME_URL`. */
  calls: string[]
}

/** All of them: what `start` starts, what tests migrate, what the deployment job migrates. */
export const PROCESSES: PlatformProcess[] = [
  { name: 'groups', folder: 'services/groups', calls: [] },
  { name: 'social', folder: 'services/social', calls: ['groups'] },
  { name: 'moderation', folder: 'services/moderation', calls: ['groups', 'social'] },
  { name: 'scheduler', folder: 'services/scheduler', calls: [] },
  { name: 'gateway', folder: 'gateway', calls: ['groups', 'moderation', 'social', 'scheduler'] },
]

/** Owner of the embedded log: a schema that every process may use through its functions. */
export const EVENT_LOG = 'event_log'

/** Every schema, and so every role. */
export const SCHEMAS: string[] = [...PROCESSES.map(({ name }) => name), EVENT_LOG]

/** Absolute path of the repository. */
export const ROOT: string = fileURLToPath(new URL('../../..', import.meta.url))

/** The variable that tells a process where another one is. */
export function addressVariable(name: string): string {
  return `${name.toUpperCase()}_URL`
}

/** The file that starts this process, absolute. */
export function mainFile(process: PlatformProcess): string {
  return join(ROOT, process.folder, 'src', 'main.ts')
}

/** The folders with the migrations of a schema, absolute. */
export async function migrationFoldersOf(schema: string): Promise<string[]> {
  if (schema === EVENT_LOG) return [eventLogMigrations]
  const owner = PROCESSES.find(({ name }) => name === schema)
  if (!owner) return []
  const file = join(ROOT, owner.folder, 'src', 'db', 'migrations.ts')
  if (!existsSync(file)) return []
  const module: { migrationFolders: string[] } = await import(pathToFileURL(file).href)
  return module.migrationFolders
}
