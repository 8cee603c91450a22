import { erasurePartEvents } from '@platform/contracts/erasure.ts'
import { eraseOnce, type Report, reportByEvent, type WaitingStep } from '@platform/erasure/erase.ts'
import { type ErasureTables, onErasureRequested } from '@platform/erasure/jobs.ts'
import type { EventHandler } from '@platform/events/consumer.ts'
import type { Logger } from '@platform/log/logger.ts'
import { ERASING_SERVICES, processNamed } from '@platform/platform/registry.ts'
import type { Kysely } from 'kysely'
import { BackgroundWork } from './background-work.ts'

/** A service's part in each erasure. */
export interface ErasurePart<T> {
  /** In the order in which data goes. */
  steps: WaitingStep<T>[]
  /** How many records a batch takes at most. */
  batchSize: number
  /** Default: events of the service. The coordinator, which takes no requests from events, records its own progress. */
  report?: Report<T>
  /** Called after each batch, which may have left work behind. */
  onDone?: () => void
}

/** The parts of a service that its erasures use. */
export interface ErasingContext {
  /** The service's name in the registry. */
  name: string
  db: Kysely<ErasureTables>
  clock: () => Date
  log: Logger
  /** Called after each batch, which has published events. */
  onPublished: () => void
}

/** A service's part in erasures while it runs. */
export interface Erasing {
  handlers: EventHandler<ErasureTables>[]
  /** Looks for new requests at once. */
  wake(): void
  /** Finishes the current batch. */
  stop(): Promise<void>
}

/**
 * Starts a service's part in erasures: batch by batch, beside everything else that the service does.
 *
 * @throws Error when the registry and the service disagree on whether it takes part
 */
export function startErasing(
  part: ErasurePart<ErasureTables> | undefined,
  { name, onPublished, ...context }: ErasingContext,
): Erasing {
  if (processNamed(name).erases !== (part !== undefined)) {
    throw new Error(`The registry and the ${name} service disagree on whether it takes part in erasures.`)
  }
  const service = ERASING_SERVICES.find((erasing) => erasing === name)
  if (!part || !service) return { handlers: [], wake: () => {}, stop: async () => {} }
  const report = part.report ?? reportByEvent(erasurePartEvents(service), `/services/${name}`)
  const work = new BackgroundWork({
    name: 'erasures',
    log: context.log,
    work: () => eraseOnce({ ...context, steps: part.steps, batchSize: part.batchSize, report }),
    onDone: () => {
      part.onDone?.()
      onPublished()
    },
  })
  return {
    handlers: part.report ? [] : [onErasureRequested(service)],
    wake: () => work.wake(),
    stop: () => work.stop(),
  }
}
