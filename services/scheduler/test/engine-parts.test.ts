import { describe, expect, it } from '@jest/globals'
import { Batcher } from '../src/engine/batcher.ts'
import { DueHeap } from '../src/engine/due-heap.ts'
import { Gate } from '../src/engine/gate.ts'
import { Lanes } from '../src/engine/lanes.ts'
import { nextTry, readRetryAfter, retryTable } from '../src/engine/retries.ts'
import { nextOccurrence } from '../src/jobs/cron.ts'

const T0 = new Date('2026-01-01T00:00:00Z')
const after = (ms: number) => new Date(T0.getTime() + ms)

describe('The next try', () => {
  const question = { firstAt: T0, tries: 1, limit: 0, now: after(100), random: 0 }
  it.each<[string, Partial<Parameters<typeof nextTry>[0]>, Date | undefined]>([
    ['10 s after the first', {}, after(10_000)],
    ['2 min after the first', { tries: 2 }, after(120_000)],
    ['24 h after the first', { tries: 5 }, after(86_400_000)],
    ['never, after five', { tries: 6 }, undefined],
    ['a few per cent later, by chance', { tries: 5, random: 1 }, after(86_400_000 * 1.03)],
    ['now, when the request itself took longer', { now: after(30_000) }, after(30_000)],
    ['when the other side asks for it', { notBefore: after(60_000) }, after(60_000)],
    ['by the schedule, when the other side asks for less', { notBefore: after(1_000) }, after(10_000)],
    ['no later than in two days, whatever is asked', { notBefore: after(9e10) }, after(100 + 172_800_000)],
    ['the second of two', { limit: 2, tries: 2 }, after(120_000)],
    ['not beyond the limit', { limit: 2, tries: 3 }, undefined],
  ])('is %s', (_, given, expected) => {
    expect(nextTry({ ...question, ...given })).toEqual(expected)
  })

  it('is shown beforehand', () => {
    expect(retryTable(T0, 0).map((at) => at.getTime() - T0.getTime())).toEqual([1e4, 12e4, 9e5, 72e5, 864e5])
    expect(retryTable(T0, 2)).toHaveLength(2)
  })

  it.each<[string | undefined, Date | undefined]>([
    ['30', after(30_000)],
    ['Thu, 01 Jan 2026 00:01:00 GMT', after(60_000)],
    ['soon', undefined],
    [undefined, undefined],
  ])('reads Retry-After: %s', (text, expected) => {
    expect(readRetryAfter(text, T0)).toEqual(expected)
  })
})

describe('A rule', () => {
  const runs = (rule: string, zone: string, from: string, count: number) => {
    const found: string[] = []
    let last: Date | undefined = new Date(from)
    while (last && found.length < count) {
      last = nextOccurrence(rule, zone, last)
      if (last) found.push(last.toISOString())
    }
    return found
  }
  it.each<[string, string, string, string, string[]]>([
    [
      'knows leap days, also of a century',
      '0 12 29 2 *',
      'UTC',
      '2095-01-01T00:00:00Z',
      ['2096-02-29T12:00:00.000Z', '2104-02-29T12:00:00.000Z'],
    ],
    [
      'comes at the change, for a time that is skipped',
      '30 2 * * *',
      'Europe/Berlin',
      '2030-03-30T02:00:00Z',
      ['2030-03-31T01:00:00.000Z', '2030-04-01T00:30:00.000Z'],
    ],
    [
      'comes once, for a time that is there twice',
      '30 2 * * *',
      'Europe/Berlin',
      '2030-10-26T12:00:00Z',
      ['2030-10-27T00:30:00.000Z', '2030-10-28T01:30:00.000Z'],
    ],
  ])('%s', (_, rule, zone, from, expected) => {
    expect(runs(rule, zone, from, expected.length)).toEqual(expected)
  })
})

describe('A heap', () => {
  it('gives what is due first, whatever came first', () => {
    const heap = new DueHeap<{ dueAt: Date }>()
    const numbers = Array.from({ length: 500 }, (_, i) => (i * 7919) % 503)
    for (const number of numbers) heap.push({ dueAt: new Date(number) })
    const order: number[] = []
    for (let item = heap.pop(); item; item = heap.pop()) order.push(item.dueAt.getTime())
    expect(order).toEqual([...numbers].sort((a, b) => a - b))
  })
})

describe('Lanes', () => {
  const item = (host: string, accountId: string, name = '') => ({ host, accountId, name })
  function lanes(limits: { total: number; perHost: number; perAccount: number }) {
    const started: ReturnType<typeof item>[] = []
    return { started, lanes: new Lanes<ReturnType<typeof item>>(limits, (one) => started.push(one)) }
  }

  it('do not let a slow target or a busy account hold up the others', () => {
    const { started, lanes: all } = lanes({ total: 10, perHost: 2, perAccount: 3 })
    for (let i = 0; i < 100; i++) all.enter(item('slow', 'a'))
    all.enter(item('fast', 'b'))
    for (let i = 0; i < 5; i++) all.enter(item(`host ${i}`, 'a'))
    expect(started.map(({ host }) => host)).toEqual(['slow', 'slow', 'fast', 'host 0'])
    const room = all.room()
    expect(room.total).toBe(6)
    // Those that wait for the account alone take nothing from others that want to go where they do.
    expect(room.byHost.get('slow')).toBe(0)
    expect(room.byHost.get('host 1')).toBeUndefined()
    expect(room.byAccount.get('b')).toBe(2)
    expect(room.byAccount.get('a')).toBeLessThan(0)
    expect(all.hasRoomAgain(item('slow', 'b'))).toBe(false)
    expect(all.hasRoomAgain(item('fast', 'a'))).toBe(false)
    expect(all.hasRoomAgain(item('fast', 'b'))).toBe(true)
    all.leave(item('slow', 'a'))
    expect(started.at(-1)?.host).toBe('slow')
    expect(all.trim()).toHaveLength(95)
  })

  it('keep the order within a lane, and take turns between them', () => {
    const { started, lanes: all } = lanes({ total: 1, perHost: 1, perAccount: 1 })
    all.enter(item('x', 'a', 'first'))
    for (const name of ['1', '2', '3']) for (const host of ['p', 'q']) all.enter(item(host, host, `${host}${name}`))
    for (let i = 0; i < 6; i++) all.leave(started.at(-1) ?? item('', ''))
    expect(started.map(({ name }) => name)).toEqual(['first', 'p1', 'q1', 'p2', 'q2', 'p3', 'q3'])
    expect([all.running, all.waiting]).toEqual([1, 0])
  })
})

describe('Lanes of a fast target', () => {
  it('let more go than its limit, and have more waiting, as soon as it is known to be one', () => {
    let more = 0
    const started: { host: string; accountId: string }[] = []
    const limits = { total: 100, perHost: 2, perAccount: 100 }
    const all = new Lanes<{ host: string; accountId: string }>(
      limits,
      (one) => started.push(one),
      () => more,
    )
    const one = { host: 'x', accountId: 'a' }
    for (let i = 0; i < 20; i++) all.enter(one)
    expect([started.length, all.room().byHost.get('x')]).toEqual([2, -18])
    more = 4
    all.leave(one)
    expect([started.length, all.running]).toEqual([7, 6])
    expect(all.room().byHost.get('x')).toBe(-13)
    more = 0
    all.leave(one)
    expect([started.length, all.running]).toEqual([7, 5])
  })
})

describe('A gate', () => {
  it('lets no more through to a target than may be under way, in their order', async () => {
    const gate = new Gate(2)
    const begun: number[] = []
    const ends: (() => void)[] = []
    const sent = [0, 1, 2, 3].map((i) =>
      gate.pass('slow', () => {
        begun.push(i)
        return new Promise<void>((resolve) => ends.push(resolve))
      }),
    )
    await gate.pass('other', async () => {})
    expect(begun).toEqual([0, 1])
    expect(gate.runningByHost()).toEqual(new Map([['slow', 2]]))
    for (const i of [0, 1, 2, 3]) {
      ends[i]?.()
      await sent[i]
    }
    expect(begun).toEqual([0, 1, 2, 3])
    expect(gate.runningByHost()).toEqual(new Map())
  })

  it('has some more begun for a target that answers fast, and none for one that nothing is known of', async () => {
    const gate = new Gate(8)
    expect(gate.aheadFor('fast')).toBe(0)
    await gate.pass('fast', async () => {})
    expect(gate.aheadFor('fast')).toBe(32)
    expect(gate.aheadFor('other')).toBe(0)
  })

  it('makes room also when a request fails', async () => {
    const gate = new Gate(1)
    await expect(gate.pass('x', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    await gate.pass('x', async () => {})
    expect(gate.runningByHost().size).toBe(0)
  })
})

describe('A batcher', () => {
  it('writes what came meanwhile together, and gives each its own result', async () => {
    const sizes: number[] = []
    const batcher = new Batcher<number, number>(async (items) => {
      sizes.push(items.length)
      await new Promise((resolve) => setImmediate(resolve))
      return items.map((one) => one * 2)
    }, 100)
    const results = await Promise.all(Array.from({ length: 250 }, (_, i) => batcher.add(i)))
    expect(results).toEqual(Array.from({ length: 250 }, (_, i) => i * 2))
    expect(sizes).toEqual([100, 100, 50])
  })

  it('fails those of a batch that fails, and no others', async () => {
    const batcher = new Batcher<string, string>(async (items) => {
      if (items.includes('bad')) throw new Error('no')
      return items
    }, 1)
    const results = await Promise.allSettled(['a', 'bad', 'b'].map((one) => batcher.add(one)))
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  })
})
