import { fileURLToPath } from 'node:url'

/** The tables that `runCommand` needs, for a service's list of migration folders. */
export const httpMigrations = fileURLToPath(new URL('./migrations', import.meta.url))
