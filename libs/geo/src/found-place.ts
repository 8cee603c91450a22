import { type CountryNames, joinParts, type Place } from './place.ts'
import type { FoundPlace, ProviderQuery } from './provider.ts'

const MAX_TEXT_LENGTH = 300
const MAX_TAGS = 5
const CONTROLS = /\p{Cc}+/gu

/**
 * Puts a `Place` together from what a provider found. Its texts are cut and freed of what a database refuses.
 *
 * @returns undefined for what has no country, such as an ocean
 * @throws RangeError when the position is none
 */
export function toPlace(found: FoundPlace, query: ProviderQuery, countryName: CountryNames): Place | undefined {
  const { latitude, longitude } = query.kind === 'geo' ? query : found
  if (!(Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180)) throw new RangeError('The position is out of range.')
  const countryCode = found.countryCode?.toUpperCase() ?? ''
  const country = countryName(countryCode)
  if (country === undefined) return undefined

  const road = clean(found.street)
  const houseNumber = clean(found.houseNumber)
  const street = road && houseNumber ? `${road} ${houseNumber}` : road
  const city = clean(found.city)
  const region = clean(found.region)
  const title = clean(found.name) ?? street ?? city ?? region ?? country
  const parts = [street, city, region, country]
  return {
    title,
    formattedAddress: clean(found.label) ?? joinParts([title, ...parts]),
    country,
    countryCode,
    latitude,
    longitude,
    city,
    region,
    street,
    subtitle: joinParts(parts.filter((part) => part !== title)) || null,
    tags: found.tags.slice(0, MAX_TAGS).flatMap((tag) => clean(tag) ?? []),
  }
}

function clean(text: string | undefined): string | null {
  return text?.replace(CONTROLS, ' ').slice(0, MAX_TEXT_LENGTH).toWellFormed().trim() || null
}
