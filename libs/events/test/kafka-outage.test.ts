import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type LocalKafka, startKafka } from '@platform/local/kafka.ts'
import { kafkaObstacle } from '@platform/local/kafka-jars.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { startRelay } from '../src/relay.ts'
import { consume, thingCopy } from './consumer-harness.ts'
import { quiet, startTestService, type TestService } from './harness.ts'
import { openAt } from './transports.ts'

const obstacle = await kafkaObstacle()

/** A broker of this file's own, which it may kill. There is none where Kafka cannot be started from its artifacts. */
describe.each(obstacle === undefined ? ['killed', 'stopped'] : [])('a broker that is %s', (way) => {
  let folder: string
  let kafka: LocalKafka
  let service: TestService

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'platform-outage-'))
    chmodSync(folder, 0o711)
    ;[kafka, service] = await Promise.all([startKafka({ folder }), startTestService()])
  })
  afterAll(async () => {
    await Promise.all([kafka.stop(), service.close()])
    rmSync(folder, { recursive: true, force: true })
  })

  it('holds nothing up but the events, which arrive afterwards, once and in order', async () => {
    const { db, pool, url: databaseUrl } = service
    const fatal: unknown[] = []
    const transport = openAt({ databaseUrl, brokers: kafka.brokers, prefix: '' }, (error) => fatal.push(error))
    const relay = startRelay({ db, pool, databaseUrl, transport, log: quiet })
    const consumer = consume(service, transport, { name: 'things', handlers: [thingCopy()] })
    const ids = ['a', 'b', 'c', 'd', 'e']
    let rounds = 0
    const change = async (count: number) => {
      for (let turn = 0; turn < count; turn++) {
        rounds++
        await Promise.all(ids.map((id) => service.change(id, `${rounds}`)))
        relay.wake()
      }
    }
    const expectAll = async () => {
      const effects = await service.effects()
      for (const id of ids) {
        const versions = effects.filter(({ subject }) => subject === id).map(({ version }) => version)
        expect(versions).toEqual(Array.from({ length: rounds }, (_, index) => index + 1))
      }
    }
    await change(10)
    await eventually(expectAll)

    const half = change(30)
    await (way === 'killed' ? kafka.kill() : kafka.stop())
    await half
    await change(10)
    const waiting = await db
      .selectFrom('outbox')
      .select((of) => of.fn.countAll<number>().as('count'))
      .executeTakeFirst()
    expect(waiting?.count).toBeGreaterThan(0)

    kafka = await startKafka({ folder, port: kafka.port })
    await change(5)
    await eventually(expectAll)
    await eventually(() => expect(consumer.isReady() && transport.isHealthy()).toBe(true))
    expect(fatal).toEqual([])
    await consumer.stop()
    await relay.stop()
    await transport.close()
  })
})
