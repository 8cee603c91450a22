import type { EventTransport } from '@platform/events/transport.ts'

/** Counts what was published. */
export interface TopicReader {
  /** Returns `[events, entities]` by type, of the events that were read so far. */
  counted(): Record<string, [number, number]>
  stop(): Promise<void>
}

/** Reads topics from their beginning, as a new consumer does. An event that comes twice counts once. */
export function readTopics(transport: EventTransport, topics: string[]): TopicReader {
  const events = new Map<string, { type: string; subject: string }>()
  const consumption = transport.consume({
    group: 'reader',
    topics,
    handle: async ({ messages }) => {
      for (const { value } of messages) {
        const { id, type, subject } = JSON.parse(value)
        events.set(id, { type, subject })
      }
    },
  })
  return {
    counted: () =>
      Object.fromEntries(
        [...Map.groupBy(events.values(), ({ type }) => type)].map(([type, some]) => [
          type,
          [some.length, new Set(some.map(({ subject }) => subject)).size],
        ]),
      ),
    stop: () => consumption.stop(),
  }
}
