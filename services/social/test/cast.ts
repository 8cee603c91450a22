import { randomBytes } from 'node:crypto'
import type { Answer } from '@platform/testing/client.ts'
import type { Person, Platform } from '@platform/testing/platform.ts'

/** Everybody who stands differently to a group. */
export const ROLES = ['owner', 'admin', 'member', 'muted', 'follower', 'stranger', 'moderator'] as const
export type Role = (typeof ROLES)[number]

export type Cast = Record<Role, Person> & {
  /** `/groups/ID` */
  group: string
  groupId: string
}

export interface GroupOptions {
  postRules?: 'Everyone' | 'AdminApproval' | 'OnlyAdmin'
  groupType?: 'Public' | 'Private'
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

/** A group with everybody in it but the stranger and the moderator. The follower has only just come. */
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
  return { owner, admin, member, muted, follower, stranger, moderator, group, groupId }
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

/** What each of the cast gets for the same request: one status a role. */
export async function statuses(cast: Cast, ask: (person: Person) => Promise<Answer<unknown>>): Promise<object> {
  const answers: Partial<Record<Role, number>> = {}
  for (const role of ROLES) answers[role] = (await ask(cast[role])).status
  return answers
}
