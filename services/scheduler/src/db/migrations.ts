import { fileURLToPath } from 'node:url'
import { eventMigrations } from '@platform/events/migrations.ts'
import { httpMigrations } from '@platform/http/migrations.ts'

/** Everything that belongs into the schema `scheduler`. */
export const migrationFolders = [
  httpMigrations,
  eventMigrations,
  fileURLToPath(new URL('./migrations', import.meta.url)),
]
