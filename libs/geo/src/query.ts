import { PlaceNotFound } from './errors.ts'
import { MAX_URI_LENGTH } from './schemas.ts'

/** What an address asks for. `osm` is `N`, `W` or `R` and the number of a node, way or relation of OpenStreetMap. */
export type AddressQuery =
  | { kind: 'geo'; latitude: number; longitude: number }
  | { kind: 'geonames'; id: number }
  | { kind: 'osm'; id: string }
  | { kind: 'text'; text: string }

// RFC 5870: coordinates, an optional altitude, then parameters. The scheme and parameter names ignore case.
const NUMBER = String.raw`-?\d+(?:\.\d+)?`
const GEO = new RegExp(String.raw`^geo:(${NUMBER}),(${NUMBER})(?:,${NUMBER})?((?:;[a-z0-9-]+(?:=[^;\s?#]+)?)*)$`, 'i')
const OTHER_REFERENCE_SYSTEM = /;crs=(?!wgs84(?:;|$))/i
const GEONAMES = /^geonames:([1-9]\d{0,9})$/i
const OSM = /^https:\/\/(?:www\.)?openstreetmap\.org\/(node|way|relation)\/([1-9]\d{0,18})\/?$/i
const SCHEME_OF_OURS = /^(?:geo|geonames):/i
const WEB_ADDRESS = /^[a-z][a-z0-9+.-]*:\/\//i
const CONTROL = /\p{Cc}/u

/**
 * Reads an address: a `geo:` URI, a `geonames:` id, the address of an object on openstreetmap.org, else free text.
 *
 * @throws PlaceNotFound for what can't name a place: out of range, badly formed, another web address, too long
 */
export function parseAddress(uri: string): AddressQuery {
  const address = uri.trim()
  if (address === '') throw new PlaceNotFound('The address is empty.')
  if (address.length > MAX_URI_LENGTH) throw new PlaceNotFound('The address is too long.')
  if (CONTROL.test(address) || !address.isWellFormed()) throw new PlaceNotFound('The address is not a readable text.')

  const geo = GEO.exec(address)
  if (geo) return toGeoQuery(Number(geo[1]), Number(geo[2]), geo[3] ?? '')
  const geonames = GEONAMES.exec(address)
  if (geonames) return { kind: 'geonames', id: Number(geonames[1]) }
  const osm = OSM.exec(address)
  if (osm) return { kind: 'osm', id: `${osm[1]?.[0]?.toUpperCase()}${osm[2]}` }
  if (SCHEME_OF_OURS.test(address)) throw new PlaceNotFound('The address is not a well-formed geo: or geonames: URI.')
  if (WEB_ADDRESS.test(address)) throw new PlaceNotFound('A web address names no place.')
  return { kind: 'text', text: address }
}

function toGeoQuery(latitude: number, longitude: number, parameters: string): AddressQuery {
  if (OTHER_REFERENCE_SYSTEM.test(parameters)) throw new PlaceNotFound('Only the reference system WGS 84 is known.')
  if (Math.abs(latitude) > 90 || Math.abs(longitude) > 180) throw new PlaceNotFound('The coordinates are out of range.')
  // Adding zero makes -0 plain, which JSON would not keep.
  return { kind: 'geo', latitude: latitude + 0, longitude: longitude + 0 }
}
