import { describe, expect, it } from '@jest/globals'
import { PlaceNotFound } from '@platform/geo/errors.ts'
import { createGeocoder } from '@platform/geo/geocoder.ts'
import { silent } from './silent.ts'

const geocoder = createGeocoder({ provider: 'offline', timeoutMs: 1_000, log: silent })

describe('the offline geocoder', () => {
  it('names a position by the nearest city and keeps the position as it was given', async () => {
    expect(await geocoder.resolve('geo:59.9127,10.7461')).toEqual({
      title: 'Oslo',
      formattedAddress: expect.stringMatching(/^Oslo, (.+, )?Norway$/),
      country: 'Norway',
      countryCode: 'NO',
      latitude: 59.9127,
      longitude: 10.7461,
      city: 'Oslo',
      region: expect.anything(),
      street: null,
      subtitle: expect.stringMatching(/Norway$/),
    })
  })

  it('resolves a GeoNames id to the city and its own position', async () => {
    expect(await geocoder.resolve('geonames:5128581')).toEqual({
      title: 'New York City',
      formattedAddress: 'New York City, New York, United States',
      country: 'United States',
      countryCode: 'US',
      latitude: expect.closeTo(40.71, 1),
      longitude: expect.closeTo(-74.01, 1),
      city: 'New York City',
      region: 'New York',
      street: null,
      subtitle: 'New York, United States',
    })
  })

  it.each([
    ['upper case', 'GEO:48.8566,2.3522', 'FR'],
    ['an altitude', 'geo:48.8566,2.3522,35', 'FR'],
    ['an altitude below zero', 'geo:48.8566,2.3522,-35.5', 'FR'],
    ['an uncertainty', 'geo:48.8566,2.3522;u=35', 'FR'],
    ['its reference system, any case', 'geo:48.8566,2.3522;CRS=WGS84;u=35', 'FR'],
    ['parameters of others', 'geo:48.8566,2.3522;flag;name=caf%C3%A9', 'FR'],
    ['whole degrees', 'geo:52,13', 'DE'],
    ['blanks around it', ' geo:48.8566,2.3522 ', 'FR'],
    ['a GeoNames id in upper case', 'GEONAMES:2950159', 'DE'],
    ['a part of a city', 'geonames:2805059', 'DE'],
    ['Kosovo, whose code is not of ISO', 'geo:42.6629,21.1655', 'XK'],
    ['the west of the 180th meridian', 'geo:-16.8,179.99', 'FJ'],
    ['the east of the 180th meridian', 'geo:-16.8,-179.99', 'FJ'],
    ['the 180th meridian itself', 'geo:65.5,180', 'RU'],
    ['the 180th meridian by its other name', 'geo:65.5,-180', 'RU'],
    ['the station at McMurdo', 'geo:-77.85,166.7', 'AQ'],
    ['Svalbard', 'geo:78.2,15.6', 'SJ'],
  ])('takes %s', async (_, uri, countryCode) => {
    const place = await geocoder.resolve(uri)
    expect(place.countryCode).toBe(countryCode)
    expect(place.country.length).toBeGreaterThan(2)
  })

  it.each([
    ['nothing', ''],
    ['blanks', '   '],
    ['a text', 'Main Street 1'],
    ['a web address', 'https://example.com/place'],
    ['another scheme', 'mailto:someone@example.com'],
    ['an object of OpenStreetMap', 'https://www.openstreetmap.org/node/1'],
    ['one coordinate', 'geo:59.9'],
    ['four coordinates', 'geo:1,2,3,4'],
    ['no coordinates', 'geo:'],
    ['a blank inside', 'geo:59.9, 10.7'],
    ['a plus sign', 'geo:+59.9,10.7'],
    ['an exponent', 'geo:1e1,10'],
    ['a number without digits after the point', 'geo:59.,10'],
    ['not a number', 'geo:NaN,10'],
    ['infinity', 'geo:Infinity,10'],
    ['other digits', 'geo:٥٩,١٠'],
    ['a query', 'geo:59.9,10.7?z=11'],
    ['an empty parameter', 'geo:59.9,10.7;'],
    ['another reference system', 'geo:59.9,10.7;crs=nad27'],
    ['a reference system that begins alike', 'geo:59.9,10.7;crs=wgs84x'],
    ['the middle of the Pacific', 'geo:0,-140'],
    ['the North Pole', 'geo:90,0'],
    ['the South Pole', 'geo:-90,180'],
    ['a GeoNames id of nothing', 'geonames:4294967295'],
    ['a GeoNames id of a country', 'geonames:3144096'],
    ['GeoNames id 0', 'geonames:0'],
    ['a negative GeoNames id', 'geonames:-1'],
    ['a GeoNames id with leading zeros', 'geonames:03143244'],
    ['a GeoNames id that is a word', 'geonames:oslo'],
    ['a GeoNames id past any number', `geonames:${'9'.repeat(30)}`],
    ['a NUL', 'geo:59.9,10.7\u0000'],
    ['half a character', 'geo:59.9,10.7;a=\ud800'],
    ['a line feed', 'geo:59.9\n,10.7'],
    ['more than 2,048 characters', `geo:59.9,10.7;a=${'1'.repeat(2_048)}`],
  ])('refuses %s', async (_, uri) => {
    await expect(geocoder.resolve(uri)).rejects.toBeInstanceOf(PlaceNotFound)
  })

  it.each([
    ['a latitude above 90', 'geo:90.00001,0'],
    ['a latitude below -90', 'geo:-91,0'],
    ['a longitude above 180, close to Fiji', 'geo:-16.8,180.00001'],
    ['a longitude below -180, close to Fiji', 'geo:-16.8,-180.00001'],
    ['a huge number', `geo:${'9'.repeat(400)},0`],
  ])('refuses %s as out of range', async (_, uri) => {
    await expect(geocoder.resolve(uri)).rejects.toThrow(new PlaceNotFound('The coordinates are out of range.'))
  })

  it('makes negative zero plain, since JSON would do so later', async () => {
    const { latitude } = await geocoder.resolve('geo:-0.0,32.5')
    expect(Object.is(latitude, 0)).toBe(true)
  })

  it('does not repeat the address in what it throws', async () => {
    await expect(geocoder.resolve('Main Street 1')).rejects.not.toThrow(/Main/)
  })

  it('names countries in another language', async () => {
    const german = createGeocoder({ provider: 'offline', timeoutMs: 1_000, log: silent, language: 'de' })
    expect(await german.resolve('geo:59.9127,10.7461')).toMatchObject({ country: 'Norwegen', countryCode: 'NO' })
  })
})
