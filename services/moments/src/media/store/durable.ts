import { mkdir, open, rename, rmdir, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ignoreMissing } from './system-error.ts'

const MOVE_ATTEMPTS = 5

/**
 * Moves a written file to its place, making the folders that are missing. The move has survived a power cut when this
 * resolves.
 */
export async function moveInto(temporary: string, target: string): Promise<void> {
  const folder = dirname(target)
  let highestMade: string | undefined
  for (let attempt = 1; ; attempt++) {
    const made = await mkdir(folder, { recursive: true })
    if (made && (highestMade === undefined || made.length < highestMade.length)) highestMade = made
    try {
      await rename(temporary, target)
      await syncFolder(folder)
      // A new folder is an entry of its parent, which has to be on the disk as well.
      if (highestMade) await syncUpwards(dirname(folder), dirname(highestMade))
      return
    } catch (error) {
      // A delete has just removed the empty folder.
      if (attempt >= MOVE_ATTEMPTS) throw error
      ignoreMissing(error)
    }
  }
}

/** Removes a file and then the folders below `root` that it leaves empty. A missing file counts as removed. */
export async function removeDurably(root: string, path: string): Promise<void> {
  const folder = dirname(path)
  await unlink(path).catch(ignoreMissing)
  await syncFolder(folder).catch(ignoreMissing)
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

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
