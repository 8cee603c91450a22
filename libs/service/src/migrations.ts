import { erasureMigrations } from '@platform/erasure/migrations.ts'
import { eventMigrations } from '@platform/events/migrations.ts'
import { httpMigrations } from '@platform/http/migrations.ts'
import { migrationFolder } from '@platform/platform/paths.ts'
import { processNamed } from '@platform/platform/registry.ts'

/**
 * Returns the folders with every migration of a process's schema: those of the libraries that keep tables in it, and its
 * own. All paths are absolute.
 */
export function migrationFoldersOf(name: string): string[] {
  const process = processNamed(name)
  const ofErasure = process.erases ? [erasureMigrations] : []
  return [httpMigrations, eventMigrations, ...ofErasure, migrationFolder(process)]
}
