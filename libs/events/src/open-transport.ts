import type { Logger } from '@platform/log/logger.ts'
import type pg from 'pg'
import { EmbeddedLog } from './embedded-log.ts'
import { KafkaTransport, type SaslMechanism } from './kafka-transport.ts'
import type { EventTransport } from './transport.ts'

/** The settings of a process that decide what its events travel on. */
export interface TransportSettings {
  /** A comma list of `HOST:PORT`; the embedded log when absent. */
  KAFKA_BROKERS?: string
  /** Put before the names of topics and groups. */
  KAFKA_TOPIC_PREFIX?: string
  KAFKA_SSL?: boolean
  KAFKA_SASL_MECHANISM?: SaslMechanism
  KAFKA_SASL_USERNAME?: string
  KAFKA_SASL_PASSWORD?: string
}

export interface OpenTransportOptions {
  settings: TransportSettings
  /** Names the process to the broker. */
  clientId: string
  pool: pg.Pool
  databaseUrl: string
  log: Logger
  /** Called when a consumer cannot go on, so that the process ends and is replaced. */
  onFatal: (error: unknown) => void
}

/** The transport that is configured: Kafka, or the embedded log in the same database. Connects with the first use. */
export function openTransport({
  settings,
  clientId,
  pool,
  databaseUrl,
  log,
  onFatal,
}: OpenTransportOptions): EventTransport {
  const prefix = settings.KAFKA_TOPIC_PREFIX ?? ''
  if (!settings.KAFKA_BROKERS) return new EmbeddedLog({ pool, databaseUrl, log, prefix })
  return new KafkaTransport({
    brokers: settings.KAFKA_BROKERS.split(',').map((broker) => broker.trim()),
    clientId,
    prefix,
    ssl: settings.KAFKA_SSL ?? false,
    sasl: settings.KAFKA_SASL_MECHANISM && {
      mechanism: settings.KAFKA_SASL_MECHANISM,
      username: settings.KAFKA_SASL_USERNAME ?? '',
      password: settings.KAFKA_SASL_PASSWORD ?? '',
    },
    log,
    onFatal,
  })
}
