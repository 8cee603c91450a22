import { randomBytes } from 'node:crypto'
import { findForRun } from './run-environment.ts'

/**
 * The brokers of this run, as KAFKA_BROKERS takes them; undefined where no Kafka can be had, which the set-up has said
 * loudly. A test file that imports this one makes the run start a Kafka.
 */
export function findKafkaBrokers(): string | undefined {
  return findForRun('kafkaBrokers')
}

/** Something to begin topic and group names with, so that test files on one broker do not meet. */
export function uniquePrefix(): string {
  return `t${randomBytes(5).toString('hex')}.`
}
