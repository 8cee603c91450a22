import { type Static, type TSchema, Type } from 'typebox'
import type { Place } from './place.ts'

/** Longer addresses are refused before they are looked at. */
export const MAX_URI_LENGTH = 2_048

/** An address as a caller gives it: `geo:59.91,10.75`, `geonames:3143244`, or a text where an HTTP provider is set. */
export const AddressInput = Type.Object(
  { uri: Type.String({ minLength: 1, maxLength: MAX_URI_LENGTH, examples: ['geo:59.91273,10.74609'] }) },
  { title: 'GroupAddressInput' },
)
export type AddressInput = Static<typeof AddressInput>

const orNull = <T extends TSchema>(schema: T) => Type.Optional(Type.Union([schema, Type.Null()]))

export const GroupAddress = Type.Object(
  {
    title: Type.String(),
    formattedAddress: Type.String(),
    country: Type.String(),
    countryCode: Type.String(),
    latitude: Type.Number(),
    longitude: Type.Number(),
    city: orNull(Type.String()),
    region: orNull(Type.String()),
    street: orNull(Type.String()),
  },
  { title: 'GroupAddress' },
)
export type GroupAddress = Static<typeof GroupAddress>

/** As `GroupAddress`, but what is not known is left out. */
export const PostLocation = Type.Object(
  {
    latitude: Type.Number(),
    longitude: Type.Number(),
    title: Type.String(),
    formattedAddress: Type.String(),
    country: Type.String(),
    subtitle: Type.Optional(Type.String()),
    city: Type.Optional(Type.String()),
    region: Type.Optional(Type.String()),
    street: Type.Optional(Type.String()),
    countryCode: Type.String(),
    tags: Type.Optional(Type.Array(Type.String())),
  },
  { title: 'PostLocation' },
)
export type PostLocation = Static<typeof PostLocation>

function required({ title, formattedAddress, country, countryCode, latitude, longitude }: Place) {
  return { title, formattedAddress, country, countryCode, latitude, longitude }
}

/** The part of `place` that a group's address has; nothing else may reach its answers. */
export function toGroupAddress(place: Place): GroupAddress {
  return {
    ...required(place),
    city: place.city ?? null,
    region: place.region ?? null,
    street: place.street ?? null,
  }
}

/** The part of `place` that a post's location has. */
export function toPostLocation(place: Place): PostLocation {
  const { subtitle, city, region, street, tags } = place
  return {
    ...required(place),
    ...(subtitle && { subtitle }),
    ...(city && { city }),
    ...(region && { region }),
    ...(street && { street }),
    ...(tags && { tags: [...tags] }),
  }
}
