import type { CloudEvent } from './cloud-event.ts'
import type { EventHandler, Handlers } from './handler.ts'
import type { ReceivedMessage } from './transport.ts'

/** A message that can be handled in one transaction with others. */
export interface BatchItem<T> {
  message: ReceivedMessage
  event: CloudEvent
  prepare: NonNullable<EventHandler<T>['prepare']>
}

/** How the messages of a partition are handled. */
export interface SplitBatch<T> {
  /** One by one, in the order of each key. */
  alone: ReceivedMessage[][]
  /** In one transaction, those of a handler each, in the order of the partition. */
  together: BatchItem<T>[][]
}

/**
 * Splits a batch. A key's messages are handled together with those of other keys when all of them are for one handler that
 * can do so, and nothing is parked under the key: so their order is kept.
 */
export function splitBatch<T>(
  handlers: Handlers<T>,
  byKey: Map<string, ReceivedMessage[]>,
  queued: ReadonlySet<string>,
): SplitBatch<T> {
  const alone: ReceivedMessage[][] = []
  const together = new Map<EventHandler<T>, BatchItem<T>[]>()
  for (const [key, messages] of byKey) {
    const handled = queued.has(key) ? undefined : readForOne(handlers, messages)
    if (!handled) {
      alone.push(messages)
      continue
    }
    const items = together.get(handled.handler) ?? []
    items.push(...handled.items)
    together.set(handled.handler, items)
  }
  const byOffset = (a: BatchItem<T>, b: BatchItem<T>) => a.message.offset - b.message.offset
  return { alone, together: [...together.values()].map((items) => items.sort(byOffset)) }
}

function readForOne<T>(
  handlers: Handlers<T>,
  messages: ReceivedMessage[],
): { handler: EventHandler<T>; items: BatchItem<T>[] } | undefined {
  let common: EventHandler<T> | undefined
  const items: BatchItem<T>[] = []
  for (const message of messages) {
    const reading = handlers.read(message)
    if (reading.kind !== 'event') return undefined
    const { event, handler } = reading
    if (!handler.prepare || (common && common !== handler)) return undefined
    common = handler
    items.push({ message, event, prepare: handler.prepare })
  }
  return common && { handler: common, items }
}
