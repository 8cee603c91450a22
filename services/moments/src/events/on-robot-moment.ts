import { robotMomentCaptured } from '@platform/contracts/robots.ts'
import { causedBy } from '@platform/events/cloud-event.ts'
import { type EventHandler, onBatch } from '@platform/events/consumer.ts'
import type { MomentsTables } from '../db/schema.ts'
import { checkCapture } from '../ingest/capture.ts'
import type { DeriveDeps } from '../ingest/derive.ts'
import { ingestMoments } from '../ingest/ingest.ts'
import { prepareCaptures } from '../ingest/prepare.ts'

/** Stores what robots capture. A capture whose moment is in the trash or purged has no effect. */
export function onRobotMoment(deps: DeriveDeps): EventHandler<MomentsTables> {
  return onBatch(robotMomentCaptured, async (events) => {
    const checked = events.map((event) => checkCapture(event.data, causedBy(event, deps.clock())))
    const captures = await prepareCaptures(deps, checked)
    const byEvent = new Map(events.map((event, i) => [event, captures[i]]))
    return async (trx, fresh) => {
      await ingestMoments(
        trx,
        fresh.flatMap((event) => byEvent.get(event) ?? []),
      )
    }
  })
}
