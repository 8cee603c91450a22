import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { GeocoderUnavailable, PlaceNotFound } from '@platform/geo/errors.ts'
import { createGeocoder, type GeocoderOptions } from '@platform/geo/geocoder.ts'
import type { Logger } from '@platform/log/logger.ts'
import { type Answer, type FakeServer, json, startFakeServer } from './server.ts'
import { silent } from './silent.ts'
import { townHall, townHallPlace } from './town-hall.ts'

let server: FakeServer
beforeEach(async () => {
  server = await startFakeServer()
})
afterEach(() => server.stop())

function nominatim(options: Partial<GeocoderOptions> = {}) {
  return createGeocoder({ provider: 'nominatim', url: server.url, timeoutMs: 5_000, log: silent, ...options })
}

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
