import { readFileSync, statSync } from 'node:fs'

const LOOK_EVERY_MS = 1_000

/** A small file of this machine that may change at any time; whether it has is looked up once a second at most. */
export class LocalFile {
  readonly #path: string
  #version: string | undefined
  #lookedAt = Number.NEGATIVE_INFINITY

  constructor(path: string) {
    this.#path = path
  }

  /** Whether it has changed, come or gone since the last call. The first time it has. */
  hasChanged(): boolean {
    const now = performance.now()
    if (now - this.#lookedAt < LOOK_EVERY_MS) return false
    this.#lookedAt = now
    const stat = statSync(this.#path, { throwIfNoEntry: false })
    const version = stat ? `${stat.ino} ${stat.size} ${stat.mtimeMs}` : 'none'
    const hasChanged = version !== this.#version
    this.#version = version
    return hasChanged
  }

  /** Empty where there is none. */
  text(): string {
    try {
      return readFileSync(this.#path, 'utf8')
    } catch {
      return ''
    }
  }
}
