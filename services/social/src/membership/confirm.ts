import { GroupState, ParticipantState } from '@platform/contracts/groups.ts'
import { compileLazily } from '@platform/events/event-type.ts'
import type { Caller } from '@platform/http/assertion.ts'
import type { Origin, ServiceClient } from '@platform/http/client.ts'
import { MAX_IDS } from '@platform/http/id-list.ts'
import { type Static, Type } from 'typebox'
import type { Db } from '../db/schema.ts'
import { type Confirmed, MembershipRefusal } from './access.ts'
import { copyGroup, copyParticipant, dropOlderPlace } from './copy.ts'

/** Where our copy comes from, and who can tell whether it is late. */
export interface CopyDeps {
  db: Db
  groups: Pick<ServiceClient, 'get'>
}

/** Of a state, as the groups service counts. */
export const Version = Type.Integer({ minimum: 1 })
const Answer = Type.Array(
  Type.Object({
    group: Type.Object({ version: Version, state: GroupState }),
    participant: Type.Union([Type.Object({ version: Version, state: ParticipantState }), Type.Null()]),
  }),
)
const parseAnswer = compileLazily<Static<typeof Answer>>(Answer)

type Told = Static<typeof Answer>[number]

/** Who asks, and in which trace. */
export type Asking = Origin & { caller: Caller }

/**
 * Does what was asked for, and does it again with a fresh copy when our copy would have it refused: a stale yes is
 * tolerable for a moment, a stale no is not (somebody follows a group and posts at once). `work` brings its own
 * transaction, since nothing waits for another service inside of one.
 *
 * @param work is told which groups were confirmed, for what it would do less of because of the copy
 * @throws DomainError the refusal, once the groups service confirmed it; `unavailable` when it does not answer
 */
export async function confirmRefusals<T>(
  deps: CopyDeps,
  request: Asking,
  work: (confirmed: Confirmed) => Promise<T>,
): Promise<T> {
  const confirmed = new Set<string>()
  for (;;) {
    try {
      return await work(confirmed)
    } catch (error) {
      if (!(error instanceof MembershipRefusal) || confirmed.has(error.groupId)) throw error
      confirmed.add(error.groupId)
      const found = await refreshCopies(deps, [error.groupId], request)
      if (found === 0) throw error
    }
  }
}

/**
 * Makes our copy of groups, and of the caller's place in each, as new as the groups service has them. It is asked about a
 * hundred at a time.
 *
 * @returns how many of the groups there are
 * @throws DomainError `unavailable`
 */
export async function refreshCopies(deps: CopyDeps, groupIds: string[], request: Asking): Promise<number> {
  let found = 0
  for (let at = 0; at < groupIds.length; at += MAX_IDS) {
    found += await refreshSome(deps, groupIds.slice(at, at + MAX_IDS), request)
  }
  return found
}

async function refreshSome(deps: CopyDeps, groupIds: string[], request: Asking): Promise<number> {
  const { userId } = request.caller
  const answer = await deps.groups.get(`/internal/participants/${userId}?groupIds=${groupIds.join(',')}`, request)
  const places = parseAnswer(answer ?? [], 'The groups service')
  const newer = await selectNewer(deps.db, userId, places)
  if (newer.length === 0) return places.length
  await deps.db.transaction().execute(async (trx) => {
    // In one order, so that two of these never wait for each other in a circle.
    for (const { group, participant } of newer.toSorted((a, b) => a.group.state.id.localeCompare(b.group.state.id))) {
      await copyGroup(trx, group.version, group.state)
      if (!participant) continue
      await copyParticipant(trx, participant.version, participant.state)
      await dropOlderPlace(trx, participant.state)
    }
  })
  return places.length
}

/** What of the answer our copy lacks or has older: mostly nothing, and then nothing is written and no row is locked. */
async function selectNewer(db: Db, userId: string, places: Told[]): Promise<Told[]> {
  if (places.length === 0) return []
  const copies = await db
    .selectFrom('group')
    .leftJoin('participant', (join) =>
      join.onRef('participant.group_id', '=', 'group.id').on('participant.user_id', '=', userId),
    )
    .select(['group.id', 'group.version', 'participant.version as place_version'])
    .where(
      'group.id',
      'in',
      places.map(({ group }) => group.state.id),
    )
    .execute()
  const copyOf = new Map(copies.map((copy) => [copy.id, copy]))
  return places.filter(({ group, participant }) => {
    const { version = 0, place_version } = copyOf.get(group.state.id) ?? {}
    return version < group.version || (place_version ?? 0) < (participant?.version ?? 0)
  })
}
