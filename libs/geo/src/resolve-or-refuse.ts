import { DomainError } from '@platform/http/errors.ts'
import { GeocoderUnavailable, PlaceNotFound } from './errors.ts'
import type { Geocoder } from './geocoder.ts'
import type { Place } from './place.ts'

/**
 * Resolves an address out of a request's body. The geocoder may be slow, so it belongs before a transaction.
 *
 * @param field where the address came from, such as `body.uri`
 * @throws DomainError `validation` when it names no place; `unavailable` when the geocoder does not answer
 */
export async function resolveOrRefuse(geocoder: Geocoder, uri: string, field: string): Promise<Place> {
  try {
    return await geocoder.resolve(uri)
  } catch (error) {
    if (error instanceof PlaceNotFound) {
      throw new DomainError('validation', `${field} cannot be resolved to a place`, { cause: error })
    }
    if (error instanceof GeocoderUnavailable) {
      const headers = { 'Retry-After': '5' }
      throw new DomainError('unavailable', 'Addresses cannot be resolved at the moment.', { headers, cause: error })
    }
    throw error
  }
}
