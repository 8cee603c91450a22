import { Ajv } from 'ajv'
import { type Static, Type } from 'typebox'
import type { Provider } from './provider.ts'

const Text = Type.Optional(Type.String())

const Answer = Type.Object({
  features: Type.Array(
    Type.Object({
      geometry: Type.Object({ coordinates: Type.Array(Type.Number(), { minItems: 2 }) }),
      properties: Type.Object({
        name: Text,
        street: Text,
        housenumber: Text,
        city: Text,
        state: Text,
        county: Text,
        countrycode: Text,
        osm_key: Text,
        osm_value: Text,
        type: Text,
      }),
    }),
  ),
})

const isAnswer = new Ajv().compile<Static<typeof Answer>>(Answer)

/** https://photon.komoot.io/ */
export const photon: Provider = {
  toRequest(query, language) {
    const parameters = { limit: '1', lang: language }
    switch (query.kind) {
      case 'geo': {
        const position = { lat: String(query.latitude), lon: String(query.longitude) }
        return { path: 'reverse', parameters: { ...parameters, ...position } }
      }
      // Photon finds by name and position only.
      case 'osm':
        return undefined
      case 'text':
        return { path: 'api', parameters: { ...parameters, q: query.text } }
    }
  },

  readAnswer(answer) {
    if (!isAnswer(answer)) throw new TypeError('The answer is not one of Photon.')
    const [feature] = answer.features
    if (!feature) return undefined
    const [longitude = Number.NaN, latitude = Number.NaN] = feature.geometry.coordinates
    const { name, street, housenumber, city, state, county, countrycode, osm_key, osm_value, type } = feature.properties
    return {
      latitude,
      longitude,
      countryCode: countrycode,
      name,
      // A street has its own name, and so has a city.
      street: type === 'street' ? name : street,
      houseNumber: housenumber,
      city: type === 'city' ? name : city,
      region: state ?? county,
      label: undefined,
      tags: [osm_key, osm_value].filter((tag) => tag !== undefined),
    }
  },
}
