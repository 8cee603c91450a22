import { GeocoderUnavailable, PlaceNotFound } from './errors.ts'
import { type City, loadGazetteer } from './gazetteer.ts'
import { type CountryNames, joinParts, type Place } from './place.ts'

/** Country and code are required of a place, so a position farther from any city than this is none. */
const MAX_DISTANCE_KM = 200

export type OfflineQuery = { kind: 'geo'; latitude: number; longitude: number } | { kind: 'geonames'; id: number }

/**
 * Resolves positions and GeoNames ids against the data that comes with the package.
 *
 * @throws PlaceNotFound for a position far from any city and for an id that is no city's
 * @throws GeocoderUnavailable when the data cannot be read
 */
export async function resolveOffline(query: OfflineQuery, countryName: CountryNames): Promise<Place> {
  const gazetteer = await loadGazetteer().catch((cause: unknown) => {
    throw new GeocoderUnavailable('The data set of places cannot be read.', { cause })
  })
  if (query.kind === 'geonames') {
    const city = gazetteer.findById(query.id)
    if (!city) throw new PlaceNotFound('No city of the data set has this GeoNames id.')
    return toPlace(city, city, countryName)
  }
  const city = gazetteer.findNearest(query.latitude, query.longitude, MAX_DISTANCE_KM)
  if (!city) throw new PlaceNotFound(`No city lies within ${MAX_DISTANCE_KM} km of the position.`)
  return toPlace(city, query, countryName)
}

function toPlace(city: City, at: { latitude: number; longitude: number }, countryName: CountryNames): Place {
  const { name, region, countryCode } = city
  const country = countryName(countryCode) ?? countryCode
  return {
    title: name,
    formattedAddress: joinParts([name, region, country]),
    country,
    countryCode,
    latitude: at.latitude,
    longitude: at.longitude,
    city: name,
    region,
    street: null,
    subtitle: joinParts([region, country]),
  }
}
