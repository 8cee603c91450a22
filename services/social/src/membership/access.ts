import type { Caller } from '@platform/http/assertion.ts'
import { DomainError } from '@platform/http/errors.ts'
import type { Db, GroupRow, ParticipantRow } from '../db/schema.ts'

/** A group together with the caller's own place in it, as our copy has them. */
export interface Access {
  group: GroupRow
  /** Absent for somebody who is not in the group now. */
  participant: ParticipantRow | undefined
  /** Also for somebody who left: it is no way around it. */
  isMuted: boolean
}

/** What of an access tells whether the group may be known. */
interface KnownBy {
  group: Pick<GroupRow, 'group_type' | 'deleted_at'>
  participant: object | undefined
}

/**
 * A refusal because of our copy of a group or of the caller's place in it. The copy may be late, so it is confirmed at
 * the groups service before anybody hears of it: see `confirm.ts`.
 */
export class MembershipRefusal extends DomainError {
  readonly groupId: string

  constructor(code: 'not_found' | 'forbidden', groupId: string, message: string) {
    super(code, message)
    this.groupId = groupId.toLowerCase()
  }
}

/** The groups whose copy was made as new as the groups service's answer, for the request at hand. */
export type Confirmed = ReadonlySet<string>

/**
 * Whether the caller is no admin as the groups service has it, for what is no refusal but less than an admin gets.
 *
 * @throws MembershipRefusal where only our copy says so yet: it is confirmed, and then this runs again
 */
export function isCertainlyNoAdmin(access: Access, confirmed: Confirmed): boolean {
  if (isAdmin(access)) return false
  if (!confirmed.has(access.group.id)) throw groupUnknown(access.group.id)
  return true
}

/**
 * Reads a group as the caller may know it.
 *
 * @param lock `share` in a command that adds to the group: a group that is deleted meanwhile waits for it
 * @throws MembershipRefusal `not_found`, also for a Private group that the caller is not in
 */
export async function getAccess(
  db: Db,
  groupId: string,
  caller: Caller,
  options: { lock?: 'share' } = {},
): Promise<Access> {
  const access = await findAccess(db, groupId, caller, options)
  if (!access) throw groupUnknown(groupId)
  return access
}

/** The same, undefined for a group that the caller may not know. */
export async function findAccess(
  db: Db,
  groupId: string,
  { userId }: Caller,
  { lock }: { lock?: 'share' } = {},
): Promise<Access | undefined> {
  let read = db.selectFrom('group').selectAll().where('id', '=', groupId)
  if (lock) read = read.forShare()
  const group = await read.executeTakeFirst()
  const place = group && (await findPlace(db, groupId, userId))
  const access = group && toAccess(group, place)
  return access && isKnownTo(access) ? access : undefined
}

export const groupUnknown = (groupId: string) =>
  new MembershipRefusal('not_found', groupId, 'The group does not exist.')

/** The same for several groups, in one query; those that the caller may not know are left out. */
export async function findAccesses(db: Db, groupIds: string[], { userId }: Caller): Promise<Map<string, Access>> {
  if (groupIds.length === 0) return new Map()
  const [groups, places] = await Promise.all([
    db.selectFrom('group').selectAll().where('id', 'in', groupIds).execute(),
    db.selectFrom('participant').selectAll().where('user_id', '=', userId).where('group_id', 'in', groupIds).execute(),
  ])
  const placeIn = new Map(places.map((place) => [place.group_id, place]))
  const known = groups.map((group) => toAccess(group, placeIn.get(group.id))).filter(isKnownTo)
  return new Map(known.map((access) => [access.group.id, access]))
}

function findPlace(db: Db, groupId: string, userId: string): Promise<ParticipantRow | undefined> {
  return db
    .selectFrom('participant')
    .selectAll()
    .where('group_id', '=', groupId)
    .where('user_id', '=', userId)
    .executeTakeFirst()
}

function toAccess(group: GroupRow, place: ParticipantRow | undefined): Access {
  return { group, participant: place?.deleted_at ? undefined : place, isMuted: place?.is_muted ?? false }
}

/** Whether somebody may know of a group: everybody of a Public one, its participants of a Private one. */
export function isKnownTo({ group, participant }: KnownBy): boolean {
  return group.deleted_at === null && (group.group_type === 'Public' || participant !== undefined)
}

export const isAdmin = ({ participant }: { participant: Pick<ParticipantRow, 'is_admin'> | undefined }): boolean =>
  participant?.is_admin ?? false

/** @throws MembershipRefusal `forbidden` */
export function requireAdmin(access: Access): void {
  if (!isAdmin(access)) throw forbidden(access, 'Only admins of the group may do this.')
}

/**
 * Writing in a group, be it a post, a comment or a reply, takes a participant who is not muted.
 *
 * @throws MembershipRefusal `forbidden`
 */
export function requireWriter(access: Access): void {
  if (!access.participant) throw forbidden(access, 'Only participants of the group may write in it.')
  requireUnmuted(access)
}

/**
 * Changing what one wrote takes no more than not being muted.
 *
 * @throws MembershipRefusal `forbidden`
 */
export function requireUnmuted(access: Access): void {
  if (access.isMuted) throw forbidden(access, 'You are muted in the group.')
}

export function forbidden({ group }: Access, message: string): MembershipRefusal {
  return new MembershipRefusal('forbidden', group.id, message)
}
