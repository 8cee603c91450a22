import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { eventually } from '@platform/testing/eventually.ts'
import { findKafkaBrokers } from '@platform/testing/kafka.ts'
import type { Batch, EventTransport } from '../src/transport.ts'
import { startTestService, type TestService } from './harness.ts'
import { collect, firstByKey, openAt, series, type TransportPlace, transportKinds } from './transports.ts'

const keys = Array.from({ length: 30 }, (_, index) => `key-${index}`)

let service: TestService
beforeAll(async () => {
  service = await startTestService()
})
afterAll(() => service.close())

describe.each(transportKinds(findKafkaBrokers()))('$name', (kind) => {
  let place: TransportPlace
  let opened: EventTransport[]
  const open = () => {
    const transport = openAt(place)
    opened.push(transport)
    return transport
  }

  beforeEach(() => {
    place = kind.place(service.url)
    opened = []
  })
  afterEach(() => Promise.all(opened.map((transport) => transport.close())))

  it('delivers everything, in order for each key, whatever is in the messages', async () => {
    const transport = open()
    await transport.ensureTopics(['orders', 'others'])
    const odd = { topic: 'orders', key: 'ключ "\\ \n', value: '{"text":"grüße 🎈 \\u0000"}' }
    const messages = [...series('orders', keys, 40), odd]
    for (let start = 0; start < messages.length; start += 97) await transport.send(messages.slice(start, start + 97))
    const collector = collect(transport, { group: 'readers', topics: ['orders'] })
    await eventually(() => expect(collector.received).toHaveLength(messages.length))
    const expected = firstByKey(messages)
    expect(firstByKey(collector.received)).toEqual(expected)
    expect(expected['key-3']).toHaveLength(40)
  })

  it('makes topics once, however many ask for them, and only those messages reach a consumer', async () => {
    const transports = [open(), open(), open()]
    await Promise.all(transports.map((transport) => transport.ensureTopics(['one', 'two'])))
    await transports[0]?.send([...series('one', keys, 1), ...series('two', keys, 2)])
    const collector = collect(open(), { group: 'readers', topics: ['one'] })
    await eventually(() => expect(collector.received).toHaveLength(keys.length))
    expect(new Set(collector.received.map(({ topic }) => topic))).toEqual(new Set(['one']))
  })

  it('refuses messages for a topic that there is not', async () => {
    await expect(open().send(series('nowhere', ['a'], 1))).rejects.toThrow()
  })

  it('gives every group everything, from the beginning', async () => {
    const transport = open()
    await transport.ensureTopics(['orders'])
    await transport.send(series('orders', keys, 5))
    const first = collect(open(), { group: 'first', topics: ['orders'] })
    await eventually(() => expect(first.received).toHaveLength(150))
    const second = collect(open(), { group: 'second', topics: ['orders'] })
    await transport.send(series('orders', keys, 5, 5))
    await eventually(() => {
      expect(firstByKey(first.received)).toEqual(firstByKey(series('orders', keys, 10)))
      expect(firstByKey(second.received)).toEqual(firstByKey(series('orders', keys, 10)))
    })
  })

  it('delivers a batch again when its handler fails, with a TypeError too, and goes on', async () => {
    const transport = open()
    await transport.ensureTopics(['orders'])
    await transport.send(series('orders', keys, 5))
    let failures = 3
    const collector = collect(transport, {
      group: 'readers',
      topics: ['orders'],
      handle: async () => {
        if (failures-- > 0) throw new TypeError('undefined is not a function')
      },
    })
    await eventually(() => {
      expect(firstByKey(collector.received)).toEqual(firstByKey(series('orders', keys, 5)))
    })
    expect(failures).toBeLessThan(0)
  })

  it('goes on where a consumer left off that was stopped', async () => {
    const transport = open()
    await transport.ensureTopics(['orders'])
    await transport.send(series('orders', keys, 5))
    const before = collect(transport, { group: 'readers', topics: ['orders'] })
    await eventually(() => expect(before.received).toHaveLength(150))
    await before.stop()
    await transport.send(series('orders', keys, 5, 5))
    const after = collect(transport, { group: 'readers', topics: ['orders'] })
    await eventually(() => {
      expect(firstByKey(after.received)).toEqual(firstByKey(series('orders', keys, 5, 5)))
    })
  })

  it('delivers what a killed process had in hand to another one', async () => {
    const transport = open()
    await transport.ensureTopics(['orders'])
    await transport.send(series('orders', keys, 5))
    const victim = await startHanging({ ...place, group: 'readers', topic: 'orders' })
    victim.kill('SIGKILL')
    await once(victim, 'exit')
    const collector = collect(transport, { group: 'readers', topics: ['orders'] })
    await eventually(() => {
      expect(firstByKey(collector.received)).toEqual(firstByKey(series('orders', keys, 5)))
    })
  })

  it('shares the partitions among the members of a group, none with two at once, and takes them back', async () => {
    const transport = open()
    await transport.ensureTopics(['orders'])
    const busy = new Set<number>()
    const overlaps: number[] = []
    const handle = async ({ partition }: Batch) => {
      if (busy.has(partition)) overlaps.push(partition)
      busy.add(partition)
      await new Promise(setImmediate)
      busy.delete(partition)
    }
    const first = collect(open(), { group: 'readers', topics: ['orders'], handle })
    await eventually(() => expect(first.isReady()).toBe(true))
    await transport.send(series('orders', keys, 1))
    const second = collect(open(), { group: 'readers', topics: ['orders'], handle })
    let sent = 1
    await eventually(async () => {
      await transport.send(series('orders', keys, 1, sent++))
      expect([first, second].map(({ received }) => received.length > 50)).toEqual([true, true])
    })
    await first.stop()
    await transport.send(series('orders', keys, 1, sent++))
    await eventually(() => {
      const all = firstByKey([...first.received, ...second.received].sort((a, b) => Number(a.value) - Number(b.value)))
      expect(all).toEqual(firstByKey(series('orders', keys, sent)))
    })
    expect(overlaps).toEqual([])
  })

  it('keeps the order of each key while members come and go', async () => {
    const transport = open()
    await transport.ensureTopics(['orders'])
    const log: { topic: string; key: string; value: string }[] = []
    const join = () =>
      open().consume({
        group: 'readers',
        topics: ['orders'],
        handle: async ({ messages, signal }) => {
          for (const message of messages) {
            if (signal.aborted) throw new Error('taken away')
            log.push(message)
            await new Promise(setImmediate)
          }
        },
      })
    const members = [join()]
    for (let round = 0; round < 30; round++) {
      await transport.send(series('orders', keys, 5, round * 5))
      if (round === 5 || round === 12) members.push(join())
      if (round === 20) await members[0]?.stop()
    }
    const expected = firstByKey(series('orders', keys, 150))
    await eventually(() => expect(firstByKey(log)).toEqual(expected))
  })
})

async function startHanging(settings: TransportPlace & { group: string; topic: string }): Promise<ChildProcess> {
  const script = fileURLToPath(new URL('./hanging-consumer.ts', import.meta.url))
  const child = spawn(process.execPath, [script, JSON.stringify(settings)], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  return child
}
