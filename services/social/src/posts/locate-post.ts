import type { Geocoder } from '@platform/geo/geocoder.ts'
import { resolveOrRefuse } from '@platform/geo/resolve-or-refuse.ts'
import { type PostLocation, toPostLocation } from '@platform/geo/schemas.ts'

/**
 * Finds where a post is to be. Not in a transaction: the geocoder may be slow.
 *
 * @returns undefined where no address was given
 * @throws DomainError `validation` for an address that cannot be resolved, `unavailable` when the geocoder does not answer
 */
export async function locatePost(geocoder: Geocoder, { uri }: { uri?: string }): Promise<PostLocation | undefined> {
  return uri === undefined ? undefined : toPostLocation(await resolveOrRefuse(geocoder, uri, 'body.uri'))
}
