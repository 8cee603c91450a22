import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type LocalKafka, startKafka } from '@platform/local/kafka.ts'
import { kafkaObstacle } from '@platform/local/kafka-jars.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { Kafka, logLevel } from 'kafkajs'
import { KafkaTransport } from '../src/kafka-transport.ts'
import { quiet } from './harness.ts'
import { collect, series } from './transports.ts'

const obstacle = await kafkaObstacle()

/** A broker that knows no coordinator of groups yet, as each does for a moment after its first start. */
describe.each(obstacle === undefined ? ['Kafka'] : [])('%s without a coordinator of groups', () => {
  let folder: string
  let kafka: LocalKafka

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'platform-coordinator-'))
    chmodSync(folder, 0o711)
    // It would have to keep three copies of the offsets, and cannot: it is alone.
    kafka = await startKafka({ folder, settings: { 'offsets.topic.replication.factor': '3' } })
  })
  afterAll(async () => {
    await kafka.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  it('is waited for, without an end of the process', async () => {
    const fatal: unknown[] = []
    const warnings: string[] = []
    const transport = new KafkaTransport({
      brokers: [kafka.brokers],
      clientId: 'test',
      log: Object.assign(Object.create(quiet), { warn: (message: string) => void warnings.push(message) }),
      onFatal: (error) => fatal.push(error),
    })
    const collector = collect(transport, { group: 'readers', topics: ['orders'] })
    await eventually(() => expect(warnings.length).toBeGreaterThan(1))
    expect(collector.isReady()).toBe(false)

    const admin = new Kafka({ brokers: [kafka.brokers], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    await admin.createTopics({ topics: [{ topic: '__consumer_offsets', numPartitions: 5, replicationFactor: 1 }] })
    await admin.disconnect()
    await eventually(() => expect(collector.isReady()).toBe(true))
    await transport.send(series('orders', ['a'], 3))
    await eventually(() => expect(collector.received).toHaveLength(3))
    expect(fatal).toEqual([])
    await transport.close()
  })
})
