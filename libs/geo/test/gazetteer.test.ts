import { describe, expect, it } from '@jest/globals'
import { loadGazetteer } from '@platform/geo/gazetteer.ts'

const gazetteer = await loadGazetteer()
const cities = [...gazetteer.cities()]

/** As a unit vector, to which meridians and poles are nothing special. */
function toVector({ latitude, longitude }: { latitude: number; longitude: number }): [number, number, number] {
  const [lat, lng] = [(latitude * Math.PI) / 180, (longitude * Math.PI) / 180]
  return [Math.cos(lat) * Math.cos(lng), Math.cos(lat) * Math.sin(lng), Math.sin(lat)]
}

const vectors = new Float64Array(cities.flatMap(toVector))

/** The straight line through the Earth, whose radius is 1, from a position to the city nearest to it. */
function distanceToNearest([x, y, z]: [number, number, number], all = vectors): number {
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i < all.length; i += 3) {
    const square = ((all[i] ?? 0) - x) ** 2 + ((all[i + 1] ?? 0) - y) ** 2 + ((all[i + 2] ?? 0) - z) ** 2
    if (square < least) least = square
  }
  return Math.sqrt(least)
}

describe('the gazetteer', () => {
  it('has the cities of the world, each with a name, a country and a position', () => {
    expect(gazetteer.size).toBeGreaterThan(130_000)
    const odd = cities.filter(
      ({ name, countryCode, latitude, longitude }) =>
        name === '' || !/^[A-Z]{2}$/.test(countryCode) || Math.abs(latitude) > 90 || Math.abs(longitude) > 180,
    )
    expect(odd).toEqual([])
  })

  it('knows the region of nearly all', () => {
    expect(cities.filter(({ region }) => region !== null).length / cities.length).toBeGreaterThan(0.98)
  })

  it('finds every city by its id', () => {
    const wrong = cities.filter((city) => gazetteer.findById(city.id)?.name !== city.name)
    expect(wrong).toEqual([])
  })

  it('finds none by an id between or beyond theirs', () => {
    const ids = cities.map(({ id }) => id).sort((a, b) => a - b)
    const free = ids.find((id, index) => ids[index + 1] !== id + 1 && !gazetteer.findById(id + 1))
    expect([1, (free ?? 0) + 1, (ids.at(-1) ?? 0) + 1_000_000].map((id) => gazetteer.findById(id))).toEqual([
      undefined,
      undefined,
      undefined,
    ])
  })

  // Along the 180th meridian, at and around both poles, and over the rest of the world.
  const positions = [
    ...[-90, -89.9, -75, -52, -20, -16.8, 0, 40, 62, 66.3, 71, 85, 89.9, 90].flatMap((latitude) =>
      [-180, -179.999, -179, -90, -0.001, 0, 77, 178.5, 179.999, 180].map((longitude) => [latitude, longitude]),
    ),
    ...Array.from({ length: 60 }, (_, i) => [((i * 37.7) % 170) - 85, ((i * 83.3) % 360) - 180]),
  ]

  it.each(positions)('finds the city nearest to %d, %d', (latitude = 0, longitude = 0) => {
    const at = toVector({ latitude, longitude })
    const found = gazetteer.findNearest(latitude, longitude, 20_000)
    if (!found) throw new Error('No city was found.')
    // Distances, not names: of two cities at the same one either will do.
    const distance = distanceToNearest(at, new Float64Array(toVector(found)))
    expect(distance).toBeCloseTo(distanceToNearest(at), 9)
  })

  it('does not look farther than it is asked to', () => {
    const longyearbyen = [78.22, 15.65] as const
    expect(gazetteer.findNearest(...longyearbyen, 1)?.countryCode).toBe('SJ')
    expect(gazetteer.findNearest(80.5, 15.65, 200)).toBeUndefined()
    expect(gazetteer.findNearest(80.5, 15.65, 300)?.countryCode).toBe('SJ')
  })

  it('takes no part of a city for a city', () => {
    const zehlendorf = gazetteer.findById(2805059)
    if (!zehlendorf) throw new Error('Zehlendorf is not there.')
    const { latitude, longitude } = zehlendorf
    expect(gazetteer.findNearest(latitude, longitude, 50)?.id).not.toBe(zehlendorf.id)
  })
})
