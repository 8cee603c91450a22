import { type Kysely, sql } from 'kysely'

/** How long the parts of a name are that it is found by. */
const SIZES = sql.raw('array[1, 2, 3, 6]')

/**
 * Groups are found by a part of their name. An index of trigrams meets the trigrams of all other names: to intersect 30
 * long lists takes time that grows with the table. Parts of six letters are rare, and five of them tell a name apart.
 *
 * The names stand in a table of their own: what changes a group, such as everyone who follows it, leaves the index
 * alone, and what the index finds is on few pages. A trigger keeps it, so that it does not matter which version of the
 * service writes.
 *
 * Nobody writes groups while this runs: about a minute for a million of them.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  // All parts of a text. With its body parsed now it means the same whatever the search path is.
  await sql`
    create function name_grams(name text) returns integer[]
    language sql immutable strict parallel safe cost 1000
    return array(
      select hashtext(substr(name, at, size))
      from unnest(${SIZES}) as size, generate_series(1, length(name) - size + 1) as at)`.execute(db)
  // Parts that a name has to have if it has this one in it: the longest, at most five, spread over the whole. It is not
  // called safe for parallel plans, since to start workers takes longer than a search.
  await sql`
    create function searched_grams(part text) returns integer[]
    language sql immutable strict cost 1000
    return array(
      select hashtext(substr(part, at, size))
      from (select max(size) as size from unnest(${SIZES}) as size where size <= length(part)) as longest,
        generate_series(1, length(part) - size + 1, greatest(1, ceil((length(part) - size) / 4.0))::integer) as at)`.execute(
    db,
  )
  await sql`
    create table group_name (
      group_id uuid constraint group_name_pkey primary key constraint group_name_group_id_fkey references "group",
      -- In lower case.
      name text not null
    )`.execute(db)
  await sql`
    create function keep_group_name() returns trigger language plpgsql set search_path from current as $$
    begin
      insert into group_name (group_id, name) values (new.id, lower(new.name))
      on conflict (group_id) do update set name = excluded.name where group_name.name <> excluded.name;
      return null;
    end $$`.execute(db)
  await sql`
    create trigger group_name_trigger after insert or update of name on "group"
    for each row execute function keep_group_name()`.execute(db)
  await sql`insert into group_name (group_id, name) select id, lower(name) from "group" order by created_at`.execute(db)
  // A search reads what waits to be put into the index from end to end, so little may wait.
  await sql`
    create index group_name_grams_index on group_name using gin (name_grams(name))
    with (gin_pending_list_limit = 1024)`.execute(db)
  await sql`drop index group_name_index`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`create index group_name_index on "group" using gin (name gin_trgm_ops) where deleted_at is null`.execute(db)
  await sql`drop trigger group_name_trigger on "group"`.execute(db)
  await sql`drop function keep_group_name()`.execute(db)
  await db.schema.dropTable('group_name').execute()
  await sql`drop function searched_grams(text), name_grams(text)`.execute(db)
}
