import { describe, expect, it } from '@jest/globals'
import { readEnv } from '@platform/config/env.ts'
import { createGeocoder } from '@platform/geo/geocoder.ts'
import { toGroupAddress, toPostLocation } from '@platform/geo/schemas.ts'
import { GeocoderEnv } from '@platform/geo/settings.ts'
import { Type } from 'typebox'
import { silent } from './silent.ts'

const schema = Type.Object(GeocoderEnv)

describe("the geocoder's settings", () => {
  it('are offline unless something else is said', () => {
    expect(readEnv({}, schema)).toEqual({ GEOCODER: 'offline', GEOCODER_TIMEOUT_MS: 3_000 })
  })

  it('take a server', () => {
    const env = { GEOCODER: 'photon', GEOCODER_URL: 'https://photon.example/', GEOCODER_TIMEOUT_MS: '500' }
    expect(readEnv(env, schema)).toEqual({ ...env, GEOCODER_TIMEOUT_MS: 500 })
  })

  it.each([
    ['GEOCODER', 'google'],
    ['GEOCODER_URL', 'photon.example'],
    ['GEOCODER_URL', 'ftp://photon.example/'],
    ['GEOCODER_TIMEOUT_MS', '0'],
    ['GEOCODER_TIMEOUT_MS', 'soon'],
  ])('refuse %s=%s and name it', (name, value) => {
    expect(() => readEnv({ [name]: value }, schema)).toThrow(name)
  })

  it.each([undefined, '', 'photon.example', 'ftp://photon.example/'])('refuse a server at %s', (url) => {
    expect(() => createGeocoder({ provider: 'photon', url, timeoutMs: 500, log: silent })).toThrow('GEOCODER_URL')
  })
})

describe('the shapes of a place', () => {
  const place = {
    title: 'Oslo',
    formattedAddress: 'Oslo, Norway',
    country: 'Norway',
    countryCode: 'NO',
    latitude: 59.9,
    longitude: 10.7,
    city: 'Oslo',
    street: null,
    subtitle: 'Norway',
    tags: ['place'],
  }
  const common = {
    title: 'Oslo',
    formattedAddress: 'Oslo, Norway',
    country: 'Norway',
    countryCode: 'NO',
    latitude: 59.9,
    longitude: 10.7,
    city: 'Oslo',
  }

  it("keep to the fields of a group's address, with null for what is not known", () => {
    expect(toGroupAddress(place)).toStrictEqual({ ...common, region: null, street: null })
  })

  it("keep to the fields of a post's location, without what is not known", () => {
    expect(toPostLocation(place)).toStrictEqual({ ...common, subtitle: 'Norway', tags: ['place'] })
  })
})
