import { Ajv } from 'ajv'
import { type Static, Type } from 'typebox'
import type { FoundPlace, Provider } from './provider.ts'

const Text = Type.Optional(Type.String())

const Result = Type.Object({
  lat: Type.String({ pattern: '^-?[0-9]+([.][0-9]+)?$' }),
  lon: Type.String({ pattern: '^-?[0-9]+([.][0-9]+)?$' }),
  name: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  display_name: Text,
  category: Text,
  type: Text,
  address: Type.Optional(
    Type.Object({
      house_number: Text,
      road: Text,
      pedestrian: Text,
      city: Text,
      town: Text,
      village: Text,
      municipality: Text,
      hamlet: Text,
      state: Text,
      region: Text,
      province: Text,
      county: Text,
      country_code: Text,
    }),
  ),
})
type Result = Static<typeof Result>

const ajv = new Ajv()
const isList = ajv.compile<Result[]>(Type.Array(Result))
const isResult = ajv.compile<Result>(Result)
const isNothing = ajv.compile<{ error: string }>(Type.Object({ error: Type.String() }))

/** https://nominatim.org/release-docs/latest/api/Overview/ */
export const nominatim: Provider = {
  toRequest(query, language) {
    const parameters = { format: 'jsonv2', addressdetails: '1', 'accept-language': language }
    switch (query.kind) {
      case 'geo': {
        const position = { lat: String(query.latitude), lon: String(query.longitude) }
        return { path: 'reverse', parameters: { ...parameters, ...position } }
      }
      case 'osm':
        return { path: 'lookup', parameters: { ...parameters, osm_ids: query.id } }
      case 'text':
        return { path: 'search', parameters: { ...parameters, limit: '1', q: query.text } }
    }
  },

  readAnswer(answer) {
    if (isList(answer)) return answer[0] && toFound(answer[0])
    if (isResult(answer)) return toFound(answer)
    // A position in the sea is answered so, with status 200.
    if (isNothing(answer)) return undefined
    throw new TypeError('The answer is not one of Nominatim.')
  },
}

function toFound({ lat, lon, name, display_name, category, type, address = {} }: Result): FoundPlace {
  return {
    latitude: Number(lat),
    longitude: Number(lon),
    countryCode: address.country_code,
    name: name ?? undefined,
    street: address.road ?? address.pedestrian,
    houseNumber: address.house_number,
    city: address.city ?? address.town ?? address.village ?? address.municipality ?? address.hamlet,
    region: address.state ?? address.region ?? address.province ?? address.county,
    label: display_name,
    tags: [category, type].filter((tag) => tag !== undefined),
  }
}
