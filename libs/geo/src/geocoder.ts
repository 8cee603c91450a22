import type { Logger } from '@platform/log/logger.ts'
import { PlaceNotFound } from './errors.ts'
import { HttpGeocoder } from './http-geocoder.ts'
import { nominatim } from './nominatim.ts'
import { resolveOffline } from './offline.ts'
import { photon } from './photon.ts'
import { type CountryNames, countryNames, type Place } from './place.ts'
import { type AddressQuery, parseAddress } from './query.ts'

export interface Geocoder {
  /**
   * Resolves an address to a place.
   *
   * @throws PlaceNotFound when the address names none: the caller's mistake
   * @throws GeocoderUnavailable when there is no usable answer in time
   */
  resolve(uri: string, signal?: AbortSignal): Promise<Place>
}

export interface GeocoderOptions {
  provider: 'offline' | 'nominatim' | 'photon'
  /** Base address of the server; offline has none. */
  url?: string
  /** For the whole of one request to the server. */
  timeoutMs: number
  log: Logger
  /** BCP 47, of names of places and countries; default `en`. Photon servers know few. */
  language?: string
}

/**
 * A geocoder by its settings. `geonames:` ids are always resolved offline, which the servers don't know.
 *
 * @throws Error when a server is wanted and its address is missing or wrong
 */
export function createGeocoder({ provider, url, timeoutMs, log, language = 'en' }: GeocoderOptions): Geocoder {
  const countryName = countryNames(language)
  if (provider === 'offline') {
    return { resolve: async (uri) => resolveWithoutServer(parseAddress(uri), countryName) }
  }
  const server = new HttpGeocoder({
    provider: provider === 'nominatim' ? nominatim : photon,
    baseUrl: toBaseUrl(url, provider),
    timeoutMs,
    language,
    countryName,
    log: log.child({ geocoder: provider }),
  })
  return {
    async resolve(uri, signal) {
      const query = parseAddress(uri)
      return query.kind === 'geonames' ? resolveOffline(query, countryName) : server.resolve(query, signal)
    },
  }
}

function resolveWithoutServer(query: AddressQuery, countryName: CountryNames): Promise<Place> {
  if (query.kind === 'geo' || query.kind === 'geonames') return resolveOffline(query, countryName)
  throw new PlaceNotFound('Without a geocoding server only geo: and geonames: addresses can be resolved.')
}

// No public server is the default: each has a usage policy that whoever runs the platform has to agree to.
function toBaseUrl(url: string | undefined, provider: string): URL {
  const baseUrl = url === undefined ? null : URL.parse(url)
  if (baseUrl && /^https?:$/.test(baseUrl.protocol)) return baseUrl
  throw new Error(`GEOCODER_URL has to be the http or https address of a ${provider} server.`)
}
