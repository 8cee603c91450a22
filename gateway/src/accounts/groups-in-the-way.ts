import { compileLazily } from '@platform/events/event-type.ts'
import type { Origin, ServiceClient } from '@platform/http/client.ts'
import { DomainError } from '@platform/http/errors.ts'
import { type Static, Type } from 'typebox'

const Answer = Type.Object({ groupsInTheWay: Type.Array(Type.String()) })
const parseAnswer = compileLazily<Static<typeof Answer>>(Answer)

/**
 * Asks the groups service whether an account can be deleted: its groups must not be left without anybody to lead them.
 *
 * @throws DomainError `conflict` that names each group in the way; `unavailable` when there is no answer
 */
export async function refuseGroupsInTheWay(groups: ServiceClient, accountId: string, origin: Origin): Promise<void> {
  const answer = await groups.get(`/internal/user-data/${accountId}`, origin)
  const { groupsInTheWay: messages } = parseAnswer(answer, 'The groups service')
  if (messages.length > 0) throw new DomainError('conflict', 'Groups are in the way.', { messages })
}
