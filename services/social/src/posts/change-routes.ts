import { DomainError } from '@platform/http/errors.ts'
import { defineRoute, type Route, route } from '@platform/http/route.ts'
import { Uuid } from '@platform/http/schemas.ts'
import { Type } from 'typebox'
import { command, preparedCommand } from '../command.ts'
import type { Deps } from '../deps.ts'
import type { Place } from './find-post.ts'
import { locatePost } from './locate-post.ts'
import { addPicture, deletePost, editPost, getOwnPost, type LocationChange, removePicture } from './posts.ts'
import { PostInput } from './shapes.ts'

const write = { tag: 'posts', access: { scope: 'social:write' } } as const

/** The same routes stand below a group and, for profile posts, without one. */
const WHERE = [
  { prefix: '/groups/{groupId}', name: 'Group', what: "a group's post", groupId: Uuid },
  { prefix: '', name: 'Profile', what: 'a profile post', groupId: Type.Optional(Uuid) },
]

function definitions({ prefix, name, what, groupId }: (typeof WHERE)[number]) {
  const path = `${prefix}/posts/{postId}`
  const params = Type.Object({ groupId, postId: Uuid })
  const withPicture = Type.Object({ groupId, postId: Uuid, pictureId: Uuid })
  const isProfile = prefix === ''
  return {
    edit: defineRoute({
      ...write,
      method: 'put',
      path,
      operationId: `edit${name}Post`,
      summary: `Edit ${what}`,
      description:
        'For its author. Pictures and mentions that are left out are gone. The location stays, unless `uri` sets another or `removeLocation` clears it.',
      params,
      body: PostInput,
      responses: { 204: null },
      errors: ['not_found', 'forbidden', 'conflict'],
    }),
    remove: defineRoute({
      ...write,
      method: 'delete',
      path,
      operationId: `delete${name}Post`,
      summary: `Delete ${what}`,
      description: `For its author${isProfile ? '' : ', admins of the group'} and moderators. Its comments, likes and reposts go with it.`,
      params,
      responses: { 204: null },
      errors: ['not_found', 'forbidden'],
    }),
    addPicture: defineRoute({
      ...write,
      method: 'post',
      path: `${path}/pictures/{pictureId}`,
      operationId: `add${name}PostPicture`,
      summary: `Add a picture to ${what}`,
      description: 'For its author, up to six. May be repeated.',
      params: withPicture,
      responses: { 204: null },
      errors: ['not_found', 'forbidden', 'conflict'],
    }),
    removePicture: defineRoute({
      ...write,
      method: 'delete',
      path: `${path}/pictures/{pictureId}`,
      operationId: `remove${name}PostPicture`,
      summary: `Take a picture from ${what}`,
      description: 'For its author. May be repeated.',
      params: withPicture,
      responses: { 204: null },
      errors: ['not_found', 'forbidden', 'conflict'],
    }),
  }
}

const toPlace = ({ groupId }: { groupId?: string }): Place => (groupId === undefined ? 'profile' : { groupId })

/** Editing and deleting posts, and their pictures. */
export function changePostRoutes(deps: Deps): Route[] {
  return WHERE.map(definitions).flatMap(({ edit, remove, addPicture: add, removePicture: take }) => [
    route(edit, async (request) => {
      const { caller, params, body } = request
      const place = toPlace(params)
      const { uri, removeLocation = false } = body
      if (uri !== undefined && removeLocation) {
        throw new DomainError('validation', 'body.uri and body.removeLocation exclude each other')
      }
      const locate = async (): Promise<LocationChange> => {
        if (uri !== undefined) await getOwnPost(deps.db, caller, place, params.postId)
        return removeLocation ? 'remove' : locatePost(deps.geocoder, body)
      }
      return preparedCommand(deps, request, locate, async (trx, location, cause) => {
        await editPost(trx, caller, place, params.postId, body, location, cause)
        return { status: 204 }
      })
    }),
    route(remove, async (request) => {
      const reply = await command(deps, request, async (trx, cause) => {
        await deletePost(trx, request.caller, toPlace(request.params), request.params.postId, cause)
        return { status: 204 } as const
      })
      deps.onDeleted()
      return reply
    }),
    route(add, async (request) =>
      command(deps, request, async (trx, cause) => {
        const { postId, pictureId } = request.params
        await addPicture(trx, request.caller, toPlace(request.params), postId, pictureId.toLowerCase(), cause)
        return { status: 204 }
      }),
    ),
    route(take, async (request) =>
      command(deps, request, async (trx, cause) => {
        const { postId, pictureId } = request.params
        await removePicture(trx, request.caller, toPlace(request.params), postId, pictureId.toLowerCase(), cause)
        return { status: 204 }
      }),
    ),
  ])
}
