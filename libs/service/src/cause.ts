import type { Cause } from '@platform/events/outbox.ts'
import type { RouteRequest } from '@platform/http/route.ts'

/** What a request's events carry of it: when, in which trace, by whom. */
export function causeOf(
  { caller, traceparent }: Pick<RouteRequest<unknown, unknown, unknown>, 'caller' | 'traceparent'>,
  clock: () => Date,
): Cause {
  return { at: clock(), traceparent, actorId: caller.userId }
}
