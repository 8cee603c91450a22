import { compileLazily } from '@platform/events/event-type.ts'
import { Uuid } from '@platform/http/schemas.ts'
import { sql } from 'kysely'
import { type Static, Type } from 'typebox'
import type { Db } from '../db/schema.ts'
import { type Asking, type CopyDeps, refreshCopies, Version } from './confirm.ts'

/** How many groups the groups service names at a time. */
const PART = 1_000
/** Of more than this many parts, which nobody administers, the events alone tell. */
const MAX_PARTS = 10

const Answer = Type.Array(Type.Object({ groupId: Uuid, version: Version }), { maxItems: PART })
const parseAnswer = compileLazily<Static<typeof Answer>>(Answer)

/** A group that somebody administers, with the version of their place in it. */
export type Administered = Static<typeof Answer>[number]

/**
 * Makes our copy of where the caller is an admin as new as the groups service has it, as far as something waits there:
 * one question for each thousand groups that they administer, and one for each hundred that our copy was late about.
 *
 * @throws DomainError `unavailable` when the groups service does not answer
 */
export async function refreshAdministered(deps: CopyDeps, request: Asking): Promise<void> {
  const { userId } = request.caller
  let after = ''
  for (let part = 0; part < MAX_PARTS; part++) {
    const path = `/internal/participants/${userId}/administered?limit=${PART}${after}`
    const administered = parseAnswer((await deps.groups.get(path, request)) ?? [], 'The groups service')
    await refreshCopies(deps, await findLate(deps.db, userId, administered), request)
    const last = administered.at(-1)
    if (!last || administered.length < PART) return
    after = `&after=${last.groupId}`
  }
}

/**
 * Those of the groups where something waits for the person, and our copy does not know yet that they are an admin. A
 * group that it does not know at all has no posts.
 */
export async function findLate(db: Db, userId: string, administered: Administered[]): Promise<string[]> {
  if (administered.length === 0) return []
  const { rows } = await sql<{ group_id: string }>`
    select asked.group_id
    from unnest(
      ${administered.map(({ groupId }) => groupId)}::uuid[], ${administered.map(({ version }) => version)}::integer[]
    ) as asked (group_id, version)
    join group_total on group_total.group_id = asked.group_id and suggested_count > 0
    left join participant on participant.group_id = asked.group_id and participant.user_id = ${userId}
    where participant.version is null
      or (participant.version < asked.version and (participant.deleted_at is not null or not is_admin))`.execute(db)
  return rows.map(({ group_id }) => group_id)
}
