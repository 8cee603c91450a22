/** A place that an address was resolved to. What is not known is null. */
export interface Place {
  /** The shortest name that tells it apart nearby: a venue, a street with its number, a city. */
  title: string
  /** One line, from the smallest part to the country. */
  formattedAddress: string
  /** In the geocoder's language, the same for one code whoever the provider is. */
  country: string
  /** ISO 3166-1 alpha-2, upper case; XK for Kosovo. */
  countryCode: string
  /** WGS 84, degrees. Of a `geo:` address exactly what was given. */
  latitude: number
  longitude: number
  city?: string | null
  region?: string | null
  /** With the house number. */
  street?: string | null
  /** What stands below the title: the rest of the line. */
  subtitle?: string | null
  /** What sort of place it is, in the provider's words. */
  tags?: string[]
}

/** The name of a country by its code, or undefined where the code is nobody's. */
export type CountryNames = (code: string) => string | undefined

/** @param language BCP 47, such as `en` */
export function countryNames(language: string): CountryNames {
  const names = new Intl.DisplayNames([language], { type: 'region', fallback: 'none' })
  return (code) => (/^[A-Z]{2}$/.test(code) ? names.of(code) : undefined)
}

/** Joins the parts that there are, each said once where neighbours repeat (Oslo, Oslo, Norway). */
export function joinParts(parts: readonly (string | null | undefined)[]): string {
  const known = parts.filter((part) => typeof part === 'string' && part !== '')
  return known.filter((part, index) => part !== known[index - 1]).join(', ')
}
