import { mkdir, open, rename, rmdir, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ignoreMissing } from './system-error.ts'

const MOVE_ATTEMPTS = 20

/**
 * Moves a written file to its place, making the folders that are missing. The move has survived a power cut when this
 * resolves.
 */
export async function moveInto(temporary: string, target: string): Promise<void> {
  const folder = dirname(target)
  let highestMade: string | undefined
  for (let attempt = 1; ; attempt++) {
    try {
      // Most folders exist: an upload has several files.
      await rename(temporary, target)
      break
    } catch (error) {
      // A delete removes folders that it leaves empty, also between two steps of this function.
      if (attempt >= MOVE_ATTEMPTS) throw error
      ignoreMissing(error)
    }
    const made = await mkdir(folder, { recursive: true }).catch(ignoreMissing)
    if (made && (highestMade === undefined || made.length < highestMade.length)) highestMade = made
  }
  await syncFolder(folder)
  // A new folder is an entry of its parent, which has to be on the disk as well.
  if (highestMade) await syncUpwards(dirname(folder), dirname(highestMade))
}

/** Removes a file and then the folders below `root` that it leaves empty. A missing file counts as removed. */
export async function removeDurably(root: string, path: string): Promise<void> {
  const folder = dirname(path)
  await unlink(path).catch(ignoreMissing)
  await syncFolder(folder)
  for (let empty = folder; empty !== root; empty = dirname(empty)) {
    const isRemoved = await rmdir(empty).then(
      () => true,
      () => false,
    )
    if (!isRemoved) return
  }
}

async function syncUpwards(from: string, to: string): Promise<void> {
  for (let folder = from; folder.length >= to.length; folder = dirname(folder)) await syncFolder(folder)
}

/** A folder that was removed meanwhile has nothing left to keep. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder).catch(ignoreMissing)
  if (!handle) return
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
