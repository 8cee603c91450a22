import type { AddressQuery } from './query.ts'

export type ProviderQuery = Exclude<AddressQuery, { kind: 'geonames' }>

/** What a provider's answer tells of a place, before it is cleaned and put together. */
export interface FoundPlace {
  latitude: number
  longitude: number
  /** ISO 3166-1 alpha-2 in any case; without it the place is none for us. */
  countryCode: string | undefined
  name: string | undefined
  street: string | undefined
  houseNumber: string | undefined
  city: string | undefined
  region: string | undefined
  /** The whole address in one line, where the provider writes it. */
  label: string | undefined
  tags: string[]
}

/** How one sort of server is asked, and what its answers mean. */
export interface Provider {
  /** Undefined where this sort of server cannot be asked that. */
  toRequest(query: ProviderQuery, language: string): ProviderRequest | undefined
  /**
   * @param answer JSON of any shape
   * @returns undefined when nothing was found
   * @throws TypeError when the answer is not one of this sort of server
   */
  readAnswer(answer: unknown): FoundPlace | undefined
}

export interface ProviderRequest {
  /** Below the base address, such as `search`. */
  path: string
  parameters: Record<string, string>
}
