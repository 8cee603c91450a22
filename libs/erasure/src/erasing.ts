import type { Logger } from '@platform/log/logger.ts'
import { BackgroundWork } from '@platform/service/background-work.ts'
import { type Eraser, eraseOnce } from './erase.ts'
import type { ErasureTables } from './jobs.ts'

export interface ErasingOptions<T extends ErasureTables> extends Eraser<T> {
  log: Logger
  /** Called after each batch: it has published something, and left deletes to be finished. */
  onDone: () => void
}

/** A service's part in erasures, batch by batch, beside all else that it does; woken when one is asked for. */
export function startErasing<T extends ErasureTables>({ log, onDone, ...eraser }: ErasingOptions<T>): BackgroundWork {
  return new BackgroundWork({ name: 'erasures', log, work: () => eraseOnce(eraser), onDone })
}
