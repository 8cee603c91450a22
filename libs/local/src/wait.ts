import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Asks again and again until `look` gives something other than undefined, and gives that.
 *
 * @throws Error `${what} after N s` when it takes longer than `timeoutMs`, with the last error of `look` as its cause
 */
export async function waitFor<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  { timeoutMs, everyMs = 25 }: { timeoutMs: number; everyMs?: number },
): Promise<T> {
  const deadline = performance.now() + timeoutMs
  let cause: unknown
  for (;;) {
    try {
      const found = await look()
      if (found !== undefined) return found
    } catch (error) {
      cause = error
    }
    if (performance.now() > deadline) throw new Error(`${what} after ${timeoutMs / 1_000} s`, { cause })
    await sleep(everyMs)
  }
}
