import { compileLazily } from '@platform/events/event-type.ts'
import type { ServiceClient } from '@platform/http/client.ts'
import { type TSchema, Type } from 'typebox'
import type { EntityKind, OwnerState } from './kind.ts'

/**
 * How a kind asks the service that owns it, at an internal route of that service.
 *
 * @param state the shape of the entity's state, as the owner's events have it
 * @param at the collection's path there, and the service as an error names it
 */
export function askOwner<S>(
  service: Pick<ServiceClient, 'get'>,
  state: TSchema,
  at: { path: string; owner: string },
): EntityKind<S>['ask'] {
  const parse = compileLazily<OwnerState<S>>(Type.Object({ version: Type.Integer({ minimum: 1 }), state }))
  return async (entityId, origin) => {
    const answer = await service.get(`${at.path}/${entityId}`, origin)
    return answer === undefined ? undefined : parse(answer, at.owner)
  }
}
