import { loadGazetteer } from '@platform/geo/gazetteer.ts'
import { resolveOffline } from '@platform/geo/offline.ts'
import { countryNames } from '@platform/geo/place.ts'
import { toGroupAddress, toPostLocation } from '@platform/geo/schemas.ts'
import type { Session } from './session.ts'
import type { Sizes } from './sizes.ts'
import { WORDS } from './words.ts'

const CITIES = 2_000
const SENTENCES = 20_000

/** What everything else is made from: people, places, and sentences of 3 to 40 words. */
export async function prepareMaterial(session: Session, { users }: Sizes): Promise<void> {
  await session.step(
    'people',
    'create temp table person (n integer primary key, id uuid not null) on commit drop',
    `insert into person select n, gen_random_uuid() from generate_series(1, ${users}) as n`,
    'analyze person',
  )
  await session.query(`
    create temp table city (
      n integer primary key, name text, address jsonb, location jsonb, latitude float8, longitude float8
    ) on commit drop`)
  await session.query(
    `insert into city select ordinality, place ->> 'name', place -> 'address', place -> 'location',
       (place -> 'address' ->> 'latitude')::float8, (place -> 'address' ->> 'longitude')::float8
     from jsonb_array_elements($1::jsonb) with ordinality as given (place, ordinality)`,
    [JSON.stringify(await places())],
  )
  await session.query('create temp table sentence (n integer primary key, words text not null) on commit drop')
  await session.query(
    `insert into sentence
     select n, string_agg(($1::text[])[pg_temp.zipf(cardinality($1))], ' ')
     from generate_series(1, ${SENTENCES}) as n, generate_series(1, 3 + (n * 7919) % 38) as word group by n`,
    [WORDS],
  )
  await session.query('analyze city')
  await session.query('analyze sentence')
}

/** Random picks of a row: of two sentences, which make a text that nearly no other row has, and of a place. */
export const PICK_SENTENCES = `pg_temp.skewed(${SENTENCES}, 1) as sentence_1, pg_temp.skewed(${SENTENCES}, 1) as sentence_2`
export const PICK_CITY = `pg_temp.zipf(${CITIES}) as city_n`

async function places() {
  const gazetteer = await loadGazetteer()
  const countryName = countryNames('en')
  const cities = [...gazetteer.cities()]
  const found: object[] = []
  for (let n = 0; n < CITIES; n++) {
    const city = cities[Math.floor((n * cities.length) / CITIES)]
    if (!city) continue
    const place = await resolveOffline({ kind: 'geo', ...city }, countryName)
    found.push({ name: city.name, address: toGroupAddress(place), location: toPostLocation(place) })
  }
  return found
}
