import { type Kysely, sql } from 'kysely'

/**
 * All groups of a city whose address is the city are at one point, and to sort those by their ids an index by distance
 * is of no use: every one of them is read for a page of ten. So each has a place to be sorted by, a centimetre at most
 * from its position, where it is alone.
 *
 * The table is written anew, and locked for as long as that takes.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table "group" add column sorted_position cube generated always as (ll_to_earth(
      coalesce(latitude, (address ->> 'latitude')::float8) + uuid_hash_extended(id, 1) / 9.3e18 * 1e-7,
      coalesce(longitude, (address ->> 'longitude')::float8) + uuid_hash_extended(id, 2) / 9.3e18 * 1e-7
    )) stored`.execute(db)
  await sql`drop index group_position_index`.execute(db)
  await sql`
    create index group_sorted_position_index on "group" using gist (sorted_position) where deleted_at is null`.execute(
    db,
  )
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop index group_sorted_position_index`.execute(db)
  await sql`alter table "group" drop column sorted_position`.execute(db)
  await sql`create index group_position_index on "group" using gist (position) where deleted_at is null`.execute(db)
}
