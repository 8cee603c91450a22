import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { PlatformProcess } from './registry.ts'

/** Absolute path of the repository, with a slash at its end. */
export const ROOT: string = fileURLToPath(new URL('../../..', import.meta.url))

/** The file that starts a process, absolute. */
export const mainFile = ({ folder }: PlatformProcess): string => join(ROOT, folder, 'src', 'main.ts')

/** The module whose `start` starts a process in the caller's own process, absolute. */
export const serviceFile = ({ folder }: PlatformProcess): string => join(ROOT, folder, 'src', 'service.ts')

/** The folder with the migrations that are a process's own, absolute. */
export const migrationFolder = ({ folder }: PlatformProcess): string => join(ROOT, folder, 'src', 'db', 'migrations')
