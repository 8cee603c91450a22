import type { StartOptions } from '@platform/service/process.ts'
import { loadConfig } from './config.ts'
import { type RunningGateway, startGateway } from './gateway.ts'

/** Starts the gateway from its environment. */
export async function start({ env, log, clock, onFatal }: StartOptions): Promise<RunningGateway> {
  return startGateway({ settings: loadConfig(env), log, clock, onFatal })
}
