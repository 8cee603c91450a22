import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { GeocoderUnavailable, PlaceNotFound } from '@platform/geo/errors.ts'
import { createGeocoder, type GeocoderOptions } from '@platform/geo/geocoder.ts'
import { type FakeServer, json, startFakeServer } from './server.ts'
import { silent } from './silent.ts'
import { townHall, townHallPlace } from './town-hall.ts'

const feature = (properties: object, coordinates: unknown = [10.7336, 59.9121]) => ({
  type: 'FeatureCollection',
  features: [{ type: 'Feature', geometry: { type: 'Point', coordinates }, properties }],
})

const street = feature({
  name: 'Rådhusplassen',
  type: 'street',
  city: 'Oslo',
  county: 'Oslo kommune',
  countrycode: 'NO',
  osm_key: 'highway',
  osm_value: 'pedestrian',
})

let server: FakeServer
beforeEach(async () => {
  server = await startFakeServer()
})
afterEach(() => server.stop())

function nominatim(options: Partial<GeocoderOptions> = {}) {
  return createGeocoder({ provider: 'nominatim', url: server.url, timeoutMs: 5_000, log: silent, ...options })
}

function photon(options: Partial<GeocoderOptions> = {}) {
  return createGeocoder({ provider: 'photon', url: server.url, timeoutMs: 5_000, log: silent, ...options })
}

function lastQuestion() {
  const url = server.requests.at(-1)?.url
  return { path: url?.pathname, parameters: Object.fromEntries(url?.searchParams ?? []) }
}

describe('Nominatim', () => {
  it('searches for a text', async () => {
    server.answer = json([townHall])
    expect(await nominatim().resolve('Rådhusplassen 1, Oslo & more')).toEqual(townHallPlace)
    expect(lastQuestion()).toEqual({
      path: '/search',
      parameters: {
        format: 'jsonv2',
        addressdetails: '1',
        'accept-language': 'en',
        limit: '1',
        q: 'Rådhusplassen 1, Oslo & more',
      },
    })
    expect(server.requests[0]?.headers['user-agent']).toMatch(/^platform-geocoder/)
  })

  it('looks for what is at a position, and keeps the position as it was given', async () => {
    server.answer = json(townHall)
    const place = await nominatim().resolve('geo:59.9,10.7')
    expect(place).toEqual({ ...townHallPlace, latitude: 59.9, longitude: 10.7 })
    expect(lastQuestion()).toMatchObject({ path: '/reverse', parameters: { lat: '59.9', lon: '10.7' } })
  })

  it.each([
    ['https://www.openstreetmap.org/node/240109189', 'N240109189'],
    ['https://openstreetmap.org/way/5', 'W5'],
    ['https://www.openstreetmap.org/relation/406091/', 'R406091'],
  ])('looks %s up', async (uri, id) => {
    server.answer = json([townHall])
    expect(await nominatim().resolve(uri)).toEqual(townHallPlace)
    expect(lastQuestion()).toMatchObject({ path: '/lookup', parameters: { osm_ids: id } })
  })

  it('keeps the path and the query of its address', async () => {
    server.answer = json([townHall])
    await nominatim({ url: `${server.url}/maps/?key=abc` }).resolve('Oslo')
    expect(lastQuestion()).toMatchObject({ path: '/maps/search', parameters: { key: 'abc', q: 'Oslo' } })
  })

  it.each([
    ['a village', { village: 'Geiranger', county: 'Møre og Romsdal', country_code: 'no' }, 'Geiranger'],
    ['a country alone', { country_code: 'no' }, 'Norway'],
    ['a street without a number', { road: 'Storgata', country_code: 'no' }, 'Storgata'],
  ])('gives %s a title', async (_, address, title) => {
    server.answer = json([{ lat: '62.1', lon: '7.2', name: '', address }])
    expect(await nominatim().resolve('somewhere')).toMatchObject({ title, country: 'Norway' })
  })

  it('frees texts of what a database refuses, and cuts them', async () => {
    const name = `A\u0000B\ud800${'x'.repeat(1_000)}`
    server.answer = json([{ ...townHall, name }])
    const { title } = await nominatim().resolve('Oslo')
    expect(title).toMatch(/^A B\ufffdx+$/)
    expect(title.length).toBeLessThanOrEqual(300)
  })

  it.each([
    ['no result', []],
    ['no place at the position', { error: 'Unable to geocode' }],
    ['a place without a country', [{ lat: '0', lon: '0', name: 'Atlantic Ocean' }]],
    ['a country that is none', [{ ...townHall, address: { country_code: 'qqq' } }]],
  ])('finds nothing: %s', async (_, body) => {
    server.answer = json(body)
    await expect(nominatim().resolve('Oslo')).rejects.toBeInstanceOf(PlaceNotFound)
  })

  it.each([
    ['a number', 7],
    ['null', null],
    ['an empty object', {}],
    ['a list of something else', [{ title: 'Oslo' }]],
    ['a position out of range', [{ ...townHall, lat: '91' }]],
    ['a position that is no number', [{ ...townHall, lon: 'east' }]],
    ['a name that is no text', [{ ...townHall, name: { en: 'Oslo' } }]],
    ['an address that is a list', [{ ...townHall, address: ['Oslo'] }]],
    ["Photon's answer", street],
  ])('is not understood: %s', async (_, body) => {
    server.answer = json(body)
    await expect(nominatim().resolve('Oslo')).rejects.toBeInstanceOf(GeocoderUnavailable)
  })
})

describe('Photon', () => {
  it('searches for a text', async () => {
    server.answer = json(street)
    expect(await photon({ language: 'de' }).resolve('Rådhusplassen')).toEqual({
      title: 'Rådhusplassen',
      formattedAddress: 'Rådhusplassen, Oslo, Oslo kommune, Norwegen',
      country: 'Norwegen',
      countryCode: 'NO',
      latitude: 59.9121,
      longitude: 10.7336,
      city: 'Oslo',
      region: 'Oslo kommune',
      street: 'Rådhusplassen',
      subtitle: 'Oslo, Oslo kommune, Norwegen',
      tags: ['highway', 'pedestrian'],
    })
    expect(lastQuestion()).toEqual({ path: '/api', parameters: { limit: '1', lang: 'de', q: 'Rådhusplassen' } })
  })

  it('looks for what is at a position', async () => {
    server.answer = json(feature({ street: 'Storgata', housenumber: '5', city: 'Oslo', countrycode: 'no' }))
    expect(await photon().resolve('geo:-1.5,10.25;u=10')).toMatchObject({
      title: 'Storgata 5',
      street: 'Storgata 5',
      latitude: -1.5,
      longitude: 10.25,
    })
    expect(lastQuestion()).toMatchObject({ path: '/reverse', parameters: { lat: '-1.5', lon: '10.25' } })
  })

  it('finds nothing', async () => {
    server.answer = json({ type: 'FeatureCollection', features: [] })
    await expect(photon().resolve('Oslo')).rejects.toBeInstanceOf(PlaceNotFound)
  })

  it('is not asked for objects of OpenStreetMap, which it cannot look up', async () => {
    await expect(photon().resolve('https://www.openstreetmap.org/node/1')).rejects.toBeInstanceOf(PlaceNotFound)
    expect(server.requests).toEqual([])
  })

  it.each([
    ['an empty object', {}],
    ['features that are none', { features: [1] }],
    ['no geometry', { features: [{ properties: {} }] }],
    ['one coordinate', feature({ countrycode: 'NO' }, [10])],
    ['coordinates as texts', feature({ countrycode: 'NO' }, ['10', '59'])],
    ['a position out of range', feature({ countrycode: 'NO' }, [10, 1e9])],
    ["Nominatim's answer", [townHall]],
  ])('is not understood: %s', async (_, body) => {
    server.answer = json(body)
    await expect(photon().resolve('Oslo')).rejects.toBeInstanceOf(GeocoderUnavailable)
  })
})
