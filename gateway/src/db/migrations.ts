import { fileURLToPath } from 'node:url'
import { eventMigrations } from '@platform/events/migrations.ts'
import { httpMigrations } from '@platform/http/migrations.ts'

/** Absolute paths. */
export const migrationFolders: string[] = [
  fileURLToPath(new URL('./migrations', import.meta.url)),
  eventMigrations,
  httpMigrations,
]
