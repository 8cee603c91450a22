import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isMediaKey } from './media-key.ts'
import type { ListedObject } from './media-store.ts'
import { TRAILER_BYTES } from './object-file.ts'
import { ignoreMissing } from './system-error.ts'

const DEPTH = 3

/**
 * Walks the objects under `folder` in the order of their keys, as an S3 listing has it: one folder at a time is in memory,
 * and folders before `after` are not opened.
 *
 * @param after only greater keys
 */
export async function* walkObjects(folder: string, after = ''): AsyncGenerator<ListedObject> {
  for await (const key of walkKeys(folder, '', 1, after)) {
    if (!isMediaKey(key)) continue
    const file = await stat(join(folder, key)).catch(ignoreMissing)
    if (!file?.isFile() || file.size < TRAILER_BYTES) continue
    yield { key, bytes: file.size - TRAILER_BYTES, modifiedAt: file.mtime }
  }
}

async function* walkKeys(folder: string, prefix: string, depth: number, after: string): AsyncGenerator<string> {
  const names = (await readdir(join(folder, prefix)).catch(ignoreMissing)) ?? []
  // The separator belongs to the comparison: "a-b/c" comes before "a/c".
  const paths = names.map((name) => `${prefix}${name}${depth < DEPTH ? '/' : ''}`).sort()
  for (const path of paths) {
    if (depth === DEPTH) {
      if (path > after) yield path
    } else if (path >= after.slice(0, path.length)) {
      yield* walkKeys(folder, path, depth + 1, after)
    }
  }
}
