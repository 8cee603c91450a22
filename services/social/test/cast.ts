import { randomBytes } from 'node:crypto'
import type { Answer } from '@platform/testing/client.ts'
import { eventually } from '@platform/testing/eventually.ts'
import type { Person, Platform } from '@platform/testing/platform.ts'
import { onServer } from '@platform/testing/server.ts'

/** Everybody who stands differently to a group. */
export const ROLES = ['owner', 'admin', 'member', 'muted', 'follower', 'stranger', 'moderator'] as const
export type Role = (typeof ROLES)[number]

/** Those who have only just come or become what they are, so that our copy knows nothing of it whenever they ask. */
const LATE: readonly Role[] = ['admin', 'follower']

export type Cast = Record<Role, Person> & {
  /** `/groups/ID` */
  group: string
  groupId: string
  /** Of the superuser. */
  databaseUrl: string
}

export const GROUP_TYPES = ['Public', 'Private'] as const
export type GroupType = (typeof GROUP_TYPES)[number]

export interface GroupOptions {
  postRules?: 'Everyone' | 'AdminApproval' | 'OnlyAdmin'
  groupType?: GroupType
}

interface Created {
  id: string
}

/** Creates a group through the API; the caller is its owner. @returns its id */
export async function makeGroup(owner: Person, options: GroupOptions = {}): Promise<string> {
  const shortName = `g_${randomBytes(8).toString('hex')}`
  const { postRules = 'Everyone', groupType = 'Public' } = options
  const group = { name: 'Runners', description: 'We run.', shortName, postRules, groupType }
  return created(await owner.post<Created>('/groups', group))
}

/**
 * A group with everybody in it but the stranger and the moderator. Our copy has all of their places, so that no event is
 * under way which would bring back what `whileForgotten` takes.
 */
export async function makeCast(platform: Platform, options: GroupOptions = {}): Promise<Cast> {
  const person = () => platform.person()
  const [owner, admin, member, muted, follower, stranger] = [person(), person(), person(), person(), person(), person()]
  const moderator = platform.person({ roles: ['moderator'] })
  const groupId = await makeGroup(owner, options)
  const group = `/groups/${groupId}`
  for (const { id } of [admin, member, muted]) await owner.post(`${group}/participants`, { userId: id })
  await owner.post(`${group}/participants/${admin.id}/admin`)
  await owner.post(`${group}/participants/${muted.id}/mute`)
  if (options.groupType === 'Private') await owner.post(`${group}/participants`, { userId: follower.id })
  else await follower.post(`${group}/follow`)
  const databaseUrl = platform.database.adminUrl
  await untilCopied(databaseUrl, groupId)
  return { owner, admin, member, muted, follower, stranger, moderator, group, groupId, databaseUrl }
}

/** One of each type, for cases that add to a group and leave who is in it as it is. */
export async function makeCasts(platform: Platform, options: GroupOptions = {}): Promise<Record<GroupType, Cast>> {
  const [Public, Private] = await Promise.all(
    GROUP_TYPES.map((groupType) => makeCast(platform, { ...options, groupType })) as [Promise<Cast>, Promise<Cast>],
  )
  return { Public, Private }
}

async function untilCopied(databaseUrl: string, groupId: string): Promise<void> {
  const places = (schema: string) =>
    `(select jsonb_agg((user_id, version) order by user_id) from ${schema}.participant where group_id = $1)`
  await onServer(databaseUrl, (client) =>
    eventually(async () => {
      const same = `select ${places('groups')} = ${places('social')} as is_same`
      const { rows } = await client.query<{ is_same: boolean | null }>(same, [groupId])
      if (!rows[0]?.is_same) throw new Error('The copy of the group is late.')
    }),
  )
}

/** Asks something while our copy knows nothing of somebody's place in the group: as late as can be. */
export async function whileForgotten<T>(
  { databaseUrl, groupId }: Cast,
  { id }: Person,
  ask: () => Promise<T>,
): Promise<T> {
  return onServer(databaseUrl, async (client) => {
    const forget =
      'delete from social.participant where group_id = $1 and user_id = $2 returning to_jsonb(participant) as place'
    const { rows } = await client.query<{ place: object }>(forget, [groupId, id])
    try {
      return await ask()
    } finally {
      // What was asked may have brought it back already.
      const restore =
        'insert into social.participant select * from jsonb_populate_record(null::social.participant, $1) on conflict do nothing'
      for (const { place } of rows) await client.query(restore, [place])
    }
  })
}

/** The id in the answer to a create; anything else ends the test. */
export function created({ status, body }: Answer<Created>): string {
  if (status !== 201) throw new Error(`Not created: ${status} ${JSON.stringify(body)}`)
  return body.id
}

/** Writes a post and gives its id: in a group, or on the profile. */
export async function makePost(person: Person, groupId?: string, fields: object = {}): Promise<string> {
  const path = groupId === undefined ? '/posts' : `/groups/${groupId}/posts`
  return created(await person.post<Created>(path, { text: 'Hello', ...fields }))
}

/** Comments on a post and gives the comment's id; with a parent, replies to it. */
export async function makeComment(person: Person, postId: string, parentId?: string): Promise<string> {
  const path = parentId === undefined ? 'comments' : `comments/${parentId}/replies`
  return created(await person.post<Created>(`/posts/${postId}/${path}`, { text: 'Well said' }))
}

/** One status for everybody, with the exceptions. */
export const all = (status: number, except: Partial<Record<Role, number>> = {}): Record<Role, number> => ({
  ...(Object.fromEntries(ROLES.map((role) => [role, status])) as Record<Role, number>),
  ...except,
})

/** Who is outside of a Private group: to them it does not exist. */
export const OUTSIDE = { stranger: 404, moderator: 404 }

/** What each of the cast gets for the same request, those who are late unknown to our copy: one status a role. */
export async function statuses(cast: Cast, ask: (person: Person) => Promise<Answer<unknown>>): Promise<object> {
  const answers: Partial<Record<Role, number>> = {}
  for (const role of ROLES) {
    const person = cast[role]
    const answer = LATE.includes(role) ? whileForgotten(cast, person, () => ask(person)) : ask(person)
    answers[role] = (await answer).status
  }
  return answers
}
