import { describe, expect, it } from '@jest/globals'
import { DatabaseTime } from '../src/engine/time.ts'

/** Of the database, when the process's own clock says 0. */
const EPOCH = Date.parse('2026-01-01T00:00:00Z')
const MINUTE = 60_000

/** A process's clock in the test's hands, and a database that answers after so long on the way there and back. */
function clocks() {
  let own = 0
  const time = new DatabaseTime(() => own)
  const asks = (ways: [there: number, back: number][]) => {
    let i = 0
    return time.adjust(async () => {
      const [there, back] = ways[Math.min(i++, ways.length - 1)] ?? [0, 0]
      own += there
      const answer = EPOCH + own
      own += back
      return answer
    })
  }
  return {
    asks,
    pass: (ms: number) => {
      own += ms
    },
    /** How far the clock is ahead of the database's. */
    ahead: () => time.now() - (EPOCH + own),
  }
}

describe("The engine's clock", () => {
  it('goes by the answer that was on its way for the shortest time', async () => {
    const { asks, ahead } = clocks()
    await asks([
      [2_000, 0],
      [3, 1],
      [0, 400],
      [500, 0],
    ])
    expect(ahead()).toBe(1)
  })

  it('is not set anew by slow answers, as long as a better one is not old', async () => {
    const { asks, pass, ahead } = clocks()
    await asks([[1, 1]])
    expect(ahead()).toBe(0)
    pass(MINUTE)
    await asks([[2_000, 0]])
    expect(ahead()).toBe(0)
    pass(10 * MINUTE)
    await asks([[2_000, 0]])
    expect(ahead()).toBe(1_000)
    // And a good one always counts.
    await asks([[20, 20]])
    expect(ahead()).toBe(0)
  })

  it('goes by a slow answer rather than by none', async () => {
    const { asks, ahead } = clocks()
    await asks([[150, 50]])
    expect(ahead()).toBe(50)
  })
})
