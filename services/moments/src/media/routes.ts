import { DomainError } from '@platform/http/errors.ts'
import { defineRoute, type Route, route } from '@platform/http/route.ts'
import { isUuid } from '@platform/http/schemas.ts'
import { Type } from 'typebox'
import { findRight } from '../access/access.ts'
import type { Deps } from '../deps.ts'

const openDefinition = defineRoute({
  method: 'get',
  path: '/media/{mediaUUID}',
  operationId: 'getMedia',
  summary: 'Find the file of a moment',
  description: 'Redirects to an address that needs no credential and expires. This address stays the same.',
  tag: 'moments',
  access: { scope: 'moments:read' },
  params: Type.Object({ mediaUUID: Type.String({ maxLength: 100 }) }),
  responses: { 302: null },
  errors: ['forbidden', 'not_found'],
})

/** The stable addresses of media. */
export function mediaRoutes({ db, addresses }: Pick<Deps, 'db' | 'addresses'>): Route[] {
  return [
    route(openDefinition, async ({ caller, params }) => {
      if (!isUuid(params.mediaUUID)) throw new DomainError('validation', 'Invalid media UUID')
      const media = await db
        .selectFrom('media')
        .innerJoin('moment', 'moment.id', 'media.moment_id')
        .selectAll('media')
        .select(['moment.robot_id', 'moment.captured_at'])
        .where('media.id', '=', params.mediaUUID.toLowerCase())
        .where('moment.deleted_at', 'is', null)
        .executeTakeFirst()
      if (!media) throw new DomainError('not_found', 'Media does not exist')
      if (!(await findRight(db, caller, media))) throw new DomainError('forbidden', 'You cannot view this moment')
      const location = media.uri ?? (await addresses.addressOf(media)).uri
      return { status: 302, headers: { Location: location, 'Cache-Control': 'no-store' } }
    }),
  ]
}
