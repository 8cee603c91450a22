import { erasedPersonId, NOBODY } from '@platform/contracts/erasure.ts'
import { groupDeleted, groupUpdated, participantLeft } from '@platform/contracts/groups.ts'
import { type Batch, purgeKeptAnswers, type Step } from '@platform/erasure/erase.ts'
import { type Cause, publishAll } from '@platform/events/outbox.ts'
import { sql } from 'kysely'
import type { GroupRow, GroupsTables, ParticipantRow, Tx } from '../db/schema.ts'
import { countPublicGroup, publishGroup } from '../groups/groups.ts'
import { SOURCE } from '../groups/source.ts'
import { participantSubject, toParticipantState } from '../participants/participant-state.ts'
import { setParticipant } from '../participants/participants.ts'

/** What the service knows of a person, in the order in which it goes: nobody leaves a group that they still own. */
export const ERASURE_STEPS: Step<GroupsTables>[] = [eraseOwnedGroups, erasePlaces, purgeKeptAnswers()]

// Each takes some statements of its own, and its row is locked until the batch ends.
const GROUPS_AT_ONCE = 50

/** Owned groups are passed on, or erased where nobody else is in them; those that are deleted lose their owner, too. */
async function eraseOwnedGroups(trx: Tx, { userId, limit, cause }: Batch): Promise<number> {
  const groups = await trx
    .selectFrom('group')
    .selectAll()
    .where('owner_id', '=', userId)
    .orderBy('id')
    .limit(Math.min(limit, GROUPS_AT_ONCE))
    .forNoKeyUpdate()
    .execute()
  for (const group of groups) {
    const heir = group.deleted_at ? undefined : await findHeir(trx, group)
    if (heir) await handOver(trx, group, heir, cause)
    else await eraseGroup(trx, group, cause)
  }
  return groups.length
}

/** The longest-standing admin, else the longest-standing participant. */
function findHeir(trx: Tx, group: GroupRow): Promise<ParticipantRow | undefined> {
  return trx
    .selectFrom('participant')
    .selectAll()
    .where('group_id', '=', group.id)
    .where('user_id', '!=', group.owner_id)
    .where('deleted_at', 'is', null)
    .orderBy('is_admin', 'desc')
    .orderBy('joined_at')
    .orderBy('user_id')
    .limit(1)
    .executeTakeFirst()
}

/** An owner is an admin, and is not muted. */
async function handOver(trx: Tx, group: GroupRow, heir: ParticipantRow, cause: Cause): Promise<void> {
  if (!heir.is_admin || heir.is_muted) {
    const what = heir.is_admin ? 'unmuted' : 'promoted'
    await setParticipant(trx, group.id, heir.user_id, { isAdmin: true, isMuted: false }, what, cause)
  }
  const handedOver = await trx
    .updateTable('group')
    .set({ owner_id: heir.user_id, updated_at: cause.at, version: group.version + 1 })
    .where('id', '=', group.id)
    .returningAll()
    .executeTakeFirstOrThrow()
  await publishGroup(trx, groupUpdated, handedOver, cause)
}

/** Deletes the group, unless it is, with all that its owner said in it. */
async function eraseGroup(trx: Tx, group: GroupRow, cause: Cause): Promise<void> {
  const erased = await trx
    .updateTable('group')
    .set({
      owner_id: NOBODY,
      name: '',
      description: '',
      short_name: '',
      sport_id: null,
      cover_id: null,
      avatar_id: null,
      address: null,
      latitude: null,
      longitude: null,
      deleted_at: group.deleted_at ?? cause.at,
      updated_at: cause.at,
      version: group.version + 1,
    })
    .where('id', '=', group.id)
    .returningAll()
    .executeTakeFirstOrThrow()
  await publishGroup(trx, groupDeleted, erased, cause)
  if (!group.deleted_at && group.group_type === 'Public') await countPublicGroup(trx, -1)
}

/** Places are left, those that were left before or whose group is gone too, and kept without the person. */
async function erasePlaces(trx: Tx, { userId, limit, cause }: Batch): Promise<number> {
  const groupIds = await findGroupIds(trx, userId, limit)
  if (groupIds.length === 0) return 0
  const locked = await trx
    .selectFrom('group')
    .select(['id', 'owner_id'])
    .where('id', 'in', groupIds)
    .orderBy('id')
    .forNoKeyUpdate()
    .execute()
  // A group that they have just created: it comes first with the next batch.
  const leavable = locked.filter(({ owner_id }) => owner_id !== userId).map(({ id }) => id)
  const { rows: places } = await sql<ParticipantRow & { was_in: boolean }>`
    update participant
    set user_id = place.erased_id, is_admin = false, version = version + 1, deleted_at = coalesce(deleted_at, ${cause.at})
    from (
      select before.group_id, before.deleted_at is null as was_in, given.erased_id
      from participant as before
      join unnest(${leavable}::uuid[], ${leavable.map((id) => erasedPersonId(id, userId))}::uuid[])
        as given (group_id, erased_id) on given.group_id = before.group_id
      where before.user_id = ${userId}
    ) as place
    where participant.group_id = place.group_id and participant.user_id = ${userId}
    returning participant.*, place.was_in`.execute(trx)
  const left = places.filter(({ was_in }) => was_in).map(({ group_id }) => group_id)
  if (left.length > 0) {
    await trx
      .updateTable('group')
      .set({ participants_count: sql`participants_count - 1` })
      .where('id', 'in', left)
      .execute()
  }
  await publishPlaces(trx, userId, places, cause)
  return groupIds.length
}

/** Groups that the person is in, then those that they left: each by its own index. */
async function findGroupIds(trx: Tx, userId: string, limit: number): Promise<string[]> {
  for (const operator of ['is', 'is not'] as const) {
    const places = await trx
      .selectFrom('participant')
      .select('group_id')
      .where('user_id', '=', userId)
      .where('deleted_at', operator, null)
      .orderBy('group_id')
      .limit(limit)
      .execute()
    if (places.length > 0) return places.map(({ group_id }) => group_id)
  }
  return []
}

/** Which place has ended can only be told by who had it. */
async function publishPlaces(trx: Tx, userId: string, places: ParticipantRow[], cause: Cause): Promise<void> {
  const events = places.map((kept) => {
    const place = { ...kept, user_id: userId }
    return {
      type: participantLeft,
      source: SOURCE,
      subject: participantSubject(place),
      key: place.group_id,
      entityVersion: place.version,
      data: { ...toParticipantState(place), erased: true },
    }
  })
  await publishAll(trx, events, cause)
}
