import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { startKafka } from '@platform/local/kafka.ts'
import { kafkaObstacle } from '@platform/local/kafka-jars.ts'
import { findKafkaBrokers } from '@platform/testing/kafka.ts'
import { Kafka, logLevel } from 'kafkajs'

const folder = mkdtempSync(join(tmpdir(), 'kafka-test-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const obstacle = await kafkaObstacle()
const withKafka = obstacle === undefined || process.env.REQUIRE_KAFKA === '1' ? describe : describe.skip

withKafka('a Kafka of our own', () => {
  it('comes back with its topics after kill -9, on the same port', async () => {
    const node = await startKafka({ folder })
    const admin = () => new Kafka({ brokers: [node.brokers], logLevel: logLevel.NOTHING }).admin()
    const before = admin()
    await before.connect()
    await before.createTopics({ topics: [{ topic: 'groups.group', numPartitions: 12 }], waitForLeaders: true })
    await before.disconnect()
    await node.kill()
    expect(await node.ended).toBe('SIGKILL')

    const again = await startKafka({ folder, port: node.port })
    const after = admin()
    await after.connect()
    const { topics } = await after.fetchTopicMetadata({ topics: ['groups.group'] })
    expect(topics[0]?.partitions).toHaveLength(12)
    await after.disconnect()
    await again.stop()
  })
})

// The set-up of a run that includes this file has started one, or has said loudly why not.
const withBrokers = findKafkaBrokers() ? describe : describe.skip

withBrokers('the Kafka of this run', () => {
  it('is there for every test file that speaks of it', async () => {
    const admin = new Kafka({ brokers: (findKafkaBrokers() ?? '').split(','), logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    expect((await admin.describeCluster()).brokers).toHaveLength(1)
    await admin.disconnect()
  })
})
