import { type Environment, readEnv } from '@platform/config/env.ts'
import { createLogger, type Logger } from '@platform/log/logger.ts'
import { Type } from 'typebox'
import { CommonEnv } from './settings.ts'

/** Something that runs until it is stopped. */
export interface Stoppable {
  stop(): Promise<void>
}

/** What every process's `start` is given: by its main file, or by a test. */
export interface StartOptions {
  env: Environment
  log: Logger
  clock?: () => Date
  /** To be called when the process cannot do its work any more and has to be replaced. */
  onFatal: (error: unknown) => void
}

const ProcessEnv = Type.Object({
  LOG_LEVEL: CommonEnv.LOG_LEVEL,
  LOG_FORMAT: CommonEnv.LOG_FORMAT,
  SHUTDOWN_GRACE_MS: CommonEnv.SHUTDOWN_GRACE_MS,
})

/** A process's main file in one line: everything that it is told comes from the environment. */
export async function main(service: string, start: (options: StartOptions) => Promise<Stoppable>): Promise<void> {
  const { env } = process
  const settings = readEnv(env, ProcessEnv)
  const log = createLogger({ service, level: settings.LOG_LEVEL, format: settings.LOG_FORMAT })
  await runProcess(log, settings.SHUTDOWN_GRACE_MS, (onFatal) => start({ env, log, onFatal }))
}

/**
 * Runs a process's main part: starts it, stops it cleanly on SIGTERM or SIGINT, and ends with a code other than 0 after
 * a fault, so that the platform replaces it.
 *
 * @param start is given what to call when it cannot go on
 * @param graceMs after this and some seconds more, the process ends whatever is still open
 */
export async function runProcess(
  log: Logger,
  graceMs: number,
  start: (onFatal: (error: unknown) => void) => Promise<Stoppable>,
): Promise<void> {
  let running: Stoppable | undefined
  let isStopping = false
  const shutDown = async (code: number, reason: string): Promise<void> => {
    if (isStopping) return
    isStopping = true
    log.info('stopping', { reason })
    setTimeout(() => process.exit(code || 1), graceMs + 5_000).unref()
    try {
      await running?.stop()
      process.exit(code)
    } catch (error) {
      log.error('could not stop cleanly', { error })
      process.exit(1)
    }
  }
  const onFatal = (error: unknown): void => {
    log.error('the process cannot go on', { error })
    void shutDown(1, 'fault')
  }
  process.on('SIGTERM', () => void shutDown(0, 'SIGTERM'))
  process.on('SIGINT', () => void shutDown(0, 'SIGINT'))
  process.on('uncaughtException', onFatal)
  process.on('unhandledRejection', onFatal)
  try {
    running = await start(onFatal)
  } catch (error) {
    onFatal(error)
  }
}
