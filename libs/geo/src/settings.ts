import { Type } from 'typebox'

/** What a process with a geocoder reads from its environment; a service spreads this into its own schema. */
export const GeocoderEnv = {
  GEOCODER: Type.Enum(['offline', 'nominatim', 'photon'], { default: 'offline' }),
  /** Base address of the Nominatim or Photon server. `createGeocoder` refuses to do without it. */
  GEOCODER_URL: Type.Optional(Type.String({ format: 'uri', pattern: '^https?://', maxLength: 2_048 })),
  /** For the whole of one request. */
  GEOCODER_TIMEOUT_MS: Type.Integer({ minimum: 100, maximum: 30_000, default: 3_000 }),
}
