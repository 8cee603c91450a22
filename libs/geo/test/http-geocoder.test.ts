import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { GeocoderUnavailable, PlaceNotFound } from '@platform/geo/errors.ts'
import { createGeocoder, type GeocoderOptions } from '@platform/geo/geocoder.ts'
import type { Logger } from '@platform/log/logger.ts'
import { type Answer, type FakeServer, json, startFakeServer } from './server.ts'
import { silent } from './silent.ts'

const townHall = {
  place_id: 1,
  lat: '59.9121',
  lon: '10.7336',
  category: 'amenity',
  type: 'townhall',
  name: 'Oslo rådhus',
  display_name: 'Oslo rådhus, Rådhusplassen 1, Sentrum, Oslo, 0037, Norge',
  address: {
    road: 'Rådhusplassen',
    house_number: '1',
    city: 'Oslo',
    state: 'Oslo',
    country: 'Norge',
    country_code: 'no',
  },
  boundingbox: ['59.9', '59.9', '10.7', '10.7'],
}

const townHallPlace = {
  title: 'Oslo rådhus',
  formattedAddress: 'Oslo rådhus, Rådhusplassen 1, Sentrum, Oslo, 0037, Norge',
  country: 'Norway',
  countryCode: 'NO',
  latitude: 59.9121,
  longitude: 10.7336,
  city: 'Oslo',
  region: 'Oslo',
  street: 'Rådhusplassen 1',
  subtitle: 'Rådhusplassen 1, Oslo, Norway',
  tags: ['amenity', 'townhall'],
}

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

describe('a geocoding server', () => {
  const endless: Answer = (_, response) => {
    response.writeHead(200)
    // A blank now and then would hold off any time-out between two pieces.
    const drip = setInterval(() => response.write(' '), 20)
    response.on('close', () => clearInterval(drip))
  }
  const pour: Answer = (_, response) => {
    response.writeHead(200)
    const more = () => {
      while (!response.destroyed && response.write(' '.repeat(65_536)));
    }
    response.on('drain', more)
    more()
  }

  it.each<[string, Answer]>([
    ['answers 500', json({ error: 'internal' }, 500)],
    ['answers 503', json([townHall], 503)],
    ['limits us', json([townHall], 429)],
    ['forbids us', json([townHall], 403)],
    ['has nothing at that path', json({ error: 'not found' }, 404)],
    ['answers without content', (_, response) => response.writeHead(204).end()],
    ['answers nothing with 200', (_, response) => response.end()],
    ['answers garbage', (_, response) => response.end('<html>Main Street</html>')],
    ['answers half of its JSON', (_, response) => response.end(JSON.stringify([townHall]).slice(0, 80))],
    ['cuts the connection', (_, response) => response.destroy()],
    [
      'cuts the connection in its answer',
      (_, response) => {
        response.writeHead(200, { 'content-length': '5000' })
        response.write('[', () => response.destroy())
      },
    ],
    ['speaks another protocol', (request) => request.socket.end('SSH-2.0-OpenSSH_9.9\r\n')],
    [
      'says that a huge answer comes',
      (_, response) => response.writeHead(200, { 'content-length': '999999999' }).write('['),
    ],
    ['pours without end', pour],
    ['says nothing', () => {}],
    ['drips without end', endless],
    ['sends its status and stops', (_, response) => response.writeHead(200).flushHeaders()],
  ])('is unavailable when it %s', async (_, answer) => {
    server.answer = answer
    await expect(nominatim({ timeoutMs: 300 }).resolve('Oslo')).rejects.toBeInstanceOf(GeocoderUnavailable)
  })

  it('may answer 256 KiB and not more', async () => {
    const padded = (length: number): Answer => {
      const text = JSON.stringify([townHall])
      return (_, response) => response.end(text + ' '.repeat(length - Buffer.byteLength(text)))
    }
    server.answer = padded(262_144)
    expect(await nominatim().resolve('Oslo')).toEqual(townHallPlace)
    server.answer = padded(262_145)
    await expect(nominatim().resolve('Oslo')).rejects.toBeInstanceOf(GeocoderUnavailable)
  })

  it('is unavailable where nobody listens', async () => {
    const gone = await startFakeServer()
    await gone.stop()
    await expect(nominatim({ url: gone.url }).resolve('Oslo')).rejects.toBeInstanceOf(GeocoderUnavailable)
  })

  it.each([301, 302, 303, 307, 308])('is not followed elsewhere with %d', async (status) => {
    const elsewhere = await startFakeServer()
    elsewhere.answer = json([townHall])
    server.answer = (_, response) => response.writeHead(status, { location: `${elsewhere.url}/search` }).end()
    await expect(nominatim().resolve('Oslo')).rejects.toBeInstanceOf(GeocoderUnavailable)
    expect([server.requests.length, elsewhere.requests.length]).toEqual([1, 0])
    await elsewhere.stop()
  })

  it.each([400, 414])('knows no place where it refuses the question with %d', async (status) => {
    server.answer = json({ error: 'bad question' }, status)
    await expect(nominatim().resolve('Oslo')).rejects.toBeInstanceOf(PlaceNotFound)
  })

  it('is asked once for what it answered, found or not', async () => {
    const geocoder = nominatim()
    server.answer = json([townHall])
    const first = await geocoder.resolve('Oslo')
    first.title = 'changed by its owner'
    expect(await geocoder.resolve('Oslo')).toEqual(townHallPlace)
    server.answer = json([])
    await expect(geocoder.resolve('Nowhere')).rejects.toBeInstanceOf(PlaceNotFound)
    await expect(geocoder.resolve('Nowhere')).rejects.toBeInstanceOf(PlaceNotFound)
    expect(server.requests.length).toBe(2)
  })

  it('is asked again after a failure', async () => {
    const geocoder = nominatim()
    server.answer = json({}, 500)
    await expect(geocoder.resolve('Oslo')).rejects.toBeInstanceOf(GeocoderUnavailable)
    server.answer = json([townHall])
    expect(await geocoder.resolve('Oslo')).toEqual(townHallPlace)
  })

  it('keeps a thousand answers and forgets the oldest', async () => {
    const geocoder = nominatim()
    server.answer = json([townHall])
    for (let i = 0; i <= 1_000; i++) await geocoder.resolve(`Street ${i}`)
    await geocoder.resolve('Street 1000')
    expect(server.requests.length).toBe(1_001)
    await geocoder.resolve('Street 0')
    expect(server.requests.length).toBe(1_002)
  })

  it('is left alone after five failures in a row', async () => {
    const geocoder = nominatim()
    server.answer = json({}, 500)
    for (let i = 0; i < 8; i++) {
      await expect(geocoder.resolve(`Street ${i}`)).rejects.toBeInstanceOf(GeocoderUnavailable)
    }
    expect(server.requests.length).toBe(5)
  })

  it('is not left alone for questions that have no answer', async () => {
    const geocoder = nominatim()
    server.answer = json([])
    for (let i = 0; i < 8; i++) await expect(geocoder.resolve(`Street ${i}`)).rejects.toBeInstanceOf(PlaceNotFound)
    expect(server.requests.length).toBe(8)
  })

  it('is not left alone for callers who went away, who get their own reason', async () => {
    const geocoder = nominatim()
    for (let i = 0; i < 8; i++) {
      const caller = new AbortController()
      const reason = new Error(`caller ${i} went away`)
      server.answer = () => caller.abort(reason)
      await expect(geocoder.resolve(`Street ${i}`, caller.signal)).rejects.toBe(reason)
    }
    server.answer = json([townHall])
    expect(await geocoder.resolve('Oslo')).toEqual(townHallPlace)
  })

  it('is not asked for a caller who is already gone', async () => {
    const reason = new Error('gone')
    await expect(nominatim().resolve('Oslo', AbortSignal.abort(reason))).rejects.toBe(reason)
    expect(server.requests).toEqual([])
  })

  it('is not asked for what names no place, nor for GeoNames ids', async () => {
    const geocoder = nominatim()
    for (const uri of ['', 'geo:91,0', 'geonames:oslo', 'https://example.com/', 'file:///etc/passwd', 'a\u0000b']) {
      await expect(geocoder.resolve(uri)).rejects.toBeInstanceOf(PlaceNotFound)
    }
    expect(await geocoder.resolve('geonames:3143244')).toMatchObject({ city: 'Oslo', countryCode: 'NO' })
    expect(server.requests).toEqual([])
  })

  it('leaves neither the address nor the answer in the log', async () => {
    const lines: string[] = []
    const write = (message: string, fields: Record<string, unknown> = {}) => {
      const { error } = fields
      lines.push(message, error instanceof Error ? `${error.stack}` : JSON.stringify(fields))
    }
    const log: Logger = { debug: write, info: write, warn: write, error: write, child: () => log }
    for (const answer of [json({}, 500), ((_, response) => response.end('Secret Lane 9')) satisfies Answer]) {
      server.answer = answer
      await expect(nominatim({ log }).resolve('Secret Lane 9')).rejects.toBeInstanceOf(GeocoderUnavailable)
    }
    expect(lines.length).toBeGreaterThan(0)
    expect(lines.join()).not.toMatch(/Secret|Lane/)
  })
})
