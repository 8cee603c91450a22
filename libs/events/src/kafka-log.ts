import type { Logger } from '@platform/log/logger.ts'
import type { logCreator } from 'kafkajs'

/**
 * KafkaJS's own lines, at `debug`: it calls everything that it is going to retry an error. What matters comes out as a
 * rejection or as a crash, and is logged where that is dealt with.
 */
export function kafkaLog(log: Logger): logCreator {
  return () =>
    ({ namespace, log: { message, timestamp: _, logger: __, ...fields } }) => {
      log.debug(`kafkajs: ${message}`, { namespace, ...fields })
    }
}

let isSilenced = false

/**
 * KafkaJS sets timers to moments that have passed already; Node takes that for 1 ms and says so each time. Only these
 * warnings are dropped. They carry no stack, so that the process has to be told apart by their name.
 */
export function silenceTimerWarnings(): void {
  if (isSilenced) return
  isSilenced = true
  const emitWarning = process.emitWarning.bind(process)
  process.emitWarning = (warning: string | Error, ...rest: unknown[]) => {
    const [name] = rest
    if (name === 'TimeoutNegativeWarning' && new Error().stack?.includes('kafkajs')) return
    Reflect.apply(emitWarning, process, [warning, ...rest])
  }
}
