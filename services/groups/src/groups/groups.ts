import { groupCreated, groupDeleted, groupUpdated } from '@platform/contracts/groups.ts'
import { isUniqueViolation } from '@platform/db/database.ts'
import { type Cause, publish } from '@platform/events/outbox.ts'
import type { GroupAddress } from '@platform/geo/schemas.ts'
import type { Caller } from '@platform/http/assertion.ts'
import { DomainError } from '@platform/http/errors.ts'
import { sql } from 'kysely'
import { v7 as uuidv7 } from 'uuid'
import type { GroupRow, Tx } from '../db/schema.ts'
import { setParticipant } from '../participants/participants.ts'
import { isOtherContent, toGroupState } from './group-view.ts'
import { groupNotFound, lockGroup, lockMembership, requireAdmin, requireOwner } from './membership.ts'
import type { GroupInput, GroupPatch, NewGroup } from './shapes.ts'
import { SOURCE } from './source.ts'

const TOTAL_SLOTS = 16

/**
 * Creates a group with the caller as owner, admin and first participant.
 *
 * @param address already resolved
 * @returns the new group's id
 * @throws DomainError `conflict` when the short name is taken
 */
export async function createGroup(
  trx: Tx,
  caller: Caller,
  input: NewGroup,
  address: GroupAddress | undefined,
  cause: Cause,
): Promise<string> {
  const group = await refuseTakenShortName(() =>
    trx
      .insertInto('group')
      .values({
        id: uuidv7(),
        ...columnsOf(input, address),
        group_type: input.groupType ?? 'Public',
        owner_id: caller.userId,
        participants_count: 0,
        created_at: cause.at,
        updated_at: cause.at,
      })
      .returningAll()
      .executeTakeFirstOrThrow(),
  )
  await publishGroup(trx, groupCreated, group, cause)
  await setParticipant(trx, group.id, caller.userId, { isAdmin: true }, 'joined', cause)
  if (group.group_type === 'Public') await countPublicGroup(trx, 1)
  return group.id
}

/** Replaces what a group says of itself; an optional field that is absent is cleared. Admins. */
export async function replaceGroup(
  trx: Tx,
  caller: Caller,
  groupId: string,
  input: GroupInput,
  address: GroupAddress | undefined,
  cause: Cause,
): Promise<void> {
  await changeGroup(trx, caller, groupId, columnsOf(input, address), cause)
}

/** Changes the fields that are given; null leaves a field as it is. Admins. */
export async function patchGroup(
  trx: Tx,
  caller: Caller,
  groupId: string,
  patch: GroupPatch,
  address: GroupAddress | undefined,
  cause: Cause,
): Promise<void> {
  await changeGroup(
    trx,
    caller,
    groupId,
    {
      name: patch.name ?? undefined,
      description: patch.description ?? undefined,
      short_name: patch.shortName ?? undefined,
      sport_id: patch.sportId ?? undefined,
      cover_id: patch.coverId ?? undefined,
      avatar_id: patch.avatarId ?? undefined,
      post_rules: patch.postRules ?? undefined,
      address: address && JSON.stringify(address),
      latitude: patch.location?.lat,
      longitude: patch.location?.lng,
    },
    cause,
  )
}

/** Takes the group's picture away; nothing happens when it has none. Admins. */
export async function removeAvatar(trx: Tx, caller: Caller, groupId: string, cause: Cause): Promise<void> {
  await changeGroup(trx, caller, groupId, { avatar_id: null }, cause)
}

/**
 * Deletes a group. Its participants' rows need no touch: nothing shows them without their group. What hangs on the
 * group elsewhere is deleted there, when the event arrives.
 *
 * @throws DomainError `forbidden` for everybody but the owner and platform admins
 */
export async function deleteGroup(trx: Tx, caller: Caller, groupId: string, cause: Cause): Promise<void> {
  if (caller.roles.includes('admin')) {
    if (!(await lockGroup(trx, groupId))) throw groupNotFound()
  } else {
    requireOwner(await lockMembership(trx, groupId, caller), caller)
  }
  const group = await trx
    .updateTable('group')
    .set({ deleted_at: cause.at, updated_at: cause.at, version: sql`version + 1` })
    .where('id', '=', groupId)
    .returningAll()
    .executeTakeFirstOrThrow()
  await publishGroup(trx, groupDeleted, group, cause)
  if (group.group_type === 'Public') await countPublicGroup(trx, -1)
}

type GroupColumns = Partial<ReturnType<typeof columnsOf>>

function columnsOf(input: GroupInput, address: GroupAddress | undefined) {
  return {
    name: input.name,
    description: input.description,
    short_name: input.shortName,
    sport_id: input.sportId ?? null,
    cover_id: input.coverId ?? null,
    avatar_id: input.avatarId ?? null,
    post_rules: input.postRules,
    address: address ? JSON.stringify(address) : null,
    latitude: input.location?.lat ?? null,
    longitude: input.location?.lng ?? null,
  }
}

async function changeGroup(
  trx: Tx,
  caller: Caller,
  groupId: string,
  columns: GroupColumns,
  cause: Cause,
): Promise<void> {
  const membership = await lockMembership(trx, groupId, caller)
  requireAdmin(membership)
  const before = membership.group
  if (Object.values(columns).every((value) => value === undefined)) return
  const after = await refuseTakenShortName(() =>
    trx.updateTable('group').set(columns).where('id', '=', groupId).returningAll().executeTakeFirstOrThrow(),
  )
  if (isSame(before, after)) return
  const changed = await trx
    .updateTable('group')
    .set({
      version: before.version + 1,
      content_revision: before.content_revision + (isOtherContent(before, after) ? 1 : 0),
      updated_at: cause.at,
    })
    .where('id', '=', groupId)
    .returningAll()
    .executeTakeFirstOrThrow()
  await publishGroup(trx, groupUpdated, changed, cause)
}

const isSame = (a: GroupRow, b: GroupRow): boolean => JSON.stringify(a) === JSON.stringify(b)

async function refuseTakenShortName<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    if (!isUniqueViolation(error, 'group_short_name_key')) throw error
    throw new DomainError('conflict', 'The shortName is taken.', { cause: error })
  }
}

async function publishGroup(trx: Tx, event: typeof groupCreated, group: GroupRow, cause: Cause): Promise<void> {
  const data = toGroupState(group)
  await publish(trx, event, { source: SOURCE, subject: group.id, entityVersion: group.version, data }, cause)
}

async function countPublicGroup(trx: Tx, difference: 1 | -1): Promise<void> {
  await trx
    .updateTable('public_group_total')
    .set({ total: sql`total + ${difference}` })
    .where('slot', '=', Math.floor(Math.random() * TOTAL_SLOTS))
    .execute()
}
