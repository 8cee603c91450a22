import { GroupState, ParticipantState } from '@platform/contracts/groups.ts'
import { compileLazily } from '@platform/events/event-type.ts'
import type { Caller } from '@platform/http/assertion.ts'
import type { Origin, ServiceClient } from '@platform/http/client.ts'
import { type Static, Type } from 'typebox'
import type { Db } from '../db/schema.ts'
import { MembershipRefusal } from './access.ts'
import { copyGroup, copyParticipant } from './copy.ts'

/** Where our copy comes from, and who can tell whether it is late. */
export interface CopyDeps {
  db: Db
  groups: Pick<ServiceClient, 'get'>
}

const Version = Type.Integer({ minimum: 1 })
const Answer = Type.Object({
  group: Type.Object({ version: Version, state: GroupState }),
  participant: Type.Union([Type.Object({ version: Version, state: ParticipantState }), Type.Null()]),
})
const parseAnswer = compileLazily<Static<typeof Answer>>(Answer)

/**
 * Does what was asked for, and does it again with a fresh copy when our copy would have it refused: a stale yes is
 * tolerable for a moment, a stale no is not (somebody follows a group and posts at once). `work` brings its own
 * transaction, since nothing waits for another service inside of one.
 *
 * @throws DomainError the refusal, once the groups service confirmed it; `unavailable` when it does not answer
 */
export async function confirmRefusals<T>(
  deps: CopyDeps,
  request: Origin & { caller: Caller },
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof MembershipRefusal)) throw error
    if (!(await refreshCopy(deps, error.groupId, request.caller.userId, request))) throw error
    return work()
  }
}

/** @returns false when the group does not exist */
async function refreshCopy(
  { db, groups }: CopyDeps,
  groupId: string,
  userId: string,
  origin: Origin,
): Promise<boolean> {
  const answer = await groups.get(`/internal/groups/${groupId}/participants/${userId}`, origin)
  if (answer === undefined) return false
  const { group, participant } = parseAnswer(answer, 'The groups service')
  await db.transaction().execute(async (trx) => {
    await copyGroup(trx, group.version, group.state)
    if (participant) await copyParticipant(trx, participant.version, participant.state)
  })
  return true
}
