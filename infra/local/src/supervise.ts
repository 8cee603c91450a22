import { setTimeout as sleep } from 'node:timers/promises'
import type { Running } from '@platform/local/running.ts'

export interface SupervisionOptions<T extends Running> {
  name: string
  /** Resolves when it is ready. Called again after each end. */
  start: () => Promise<T>
  /** For people: what happened and what follows. */
  say: (line: string) => void
  /** The first pause before it is started again; it doubles up to sixty times that. Default 500. */
  pauseMs?: number
}

/** Something that is kept running until it is stopped. */
export interface Supervised<T extends Running> {
  /** As it runs now, or ran last. */
  current(): T
  /** Resolves when what runs has ended. What is just coming up again is ended as soon as it has. */
  stop(): Promise<void>
}

// One that has run for so long did not fail at once, so its next pause is the first again.
const STEADY_MS = 30_000
const FIRST_TRIES = 3

/**
 * Starts something and starts it again whenever it ends, after a pause that grows while it keeps failing. The others
 * go on meanwhile.
 *
 * @throws the last error when it does not come up the first time in three tries
 */
export async function supervise<T extends Running>(options: SupervisionOptions<T>): Promise<Supervised<T>> {
  const { name, start, say, pauseMs = 500 } = options
  const stopping = new AbortController()
  const pause = (tries: number) => Math.min(pauseMs * 2 ** tries, pauseMs * 60)

  const startAgain = async (mayFail: (tries: number) => boolean): Promise<T> => {
    for (let tries = 0; ; tries++) {
      try {
        return await start()
      } catch (error) {
        if (stopping.signal.aborted || mayFail(tries)) throw error
        say(`${error instanceof Error ? error.message : error}`)
        say(`${name} is started again in ${pause(tries) / 1_000} s`)
        await sleep(pause(tries), undefined, { signal: stopping.signal })
      }
    }
  }

  let current = await startAgain((tries) => tries + 1 >= FIRST_TRIES)
  const watch = async (): Promise<void> => {
    let crashes = 0
    for (;;) {
      const since = performance.now()
      const how = await current.ended
      if (stopping.signal.aborted) return
      if (performance.now() - since > STEADY_MS) crashes = 0
      const wait = pause(crashes++)
      say(`${name} ended unexpectedly (${how}). It is started again in ${wait / 1_000} s; the others go on.`)
      await sleep(wait, undefined, { signal: stopping.signal })
      current = await startAgain(() => false)
      if (stopping.signal.aborted) return current.stop()
      say(`${name} is back`)
    }
  }
  // Ends only when it is stopped: then a pause, or a start that fails, is no news.
  watch().catch((error) => {
    if (!stopping.signal.aborted) throw error
  })
  return {
    current: () => current,
    stop: () => {
      stopping.abort()
      return current.stop()
    },
  }
}
