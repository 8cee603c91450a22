import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Waits for something that happens by itself: runs `check` again and again until it does not throw, and gives what it
 * gave. Assertions belong inside.
 *
 * @param timeoutMs when the last failure is thrown as it is; default 120,000, for slow machines: it is no promise of speed
 */
export async function eventually<T>(
  check: () => T | Promise<T>,
  { timeoutMs = 120_000, everyMs = 25 }: { timeoutMs?: number; everyMs?: number } = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    try {
      return await check()
    } catch (error) {
      if (performance.now() > deadline) throw error
    }
    await sleep(everyMs)
  }
}
