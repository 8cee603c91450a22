import { type Kysely, sql } from 'kysely'

/** Appends with a single pass over what is given. It was read three times, and sorted by the rules of a language. */
export async function up(db: Kysely<unknown>): Promise<void> {
  // The partitions' rows are locked until the commit, in one order: offsets become visible in ascending order, without
  // deadlocks, and a reader never passes one that is still to come.
  await sql`
    create or replace function event_log.append(in_topics text[], in_keys text[], in_values text[]) returns void
    language plpgsql security definer set search_path = event_log, pg_temp as $$
    declare
      missing text := (
        select n from (select distinct n from unnest(in_topics) n) given
        where not exists (select from topic where name = n) limit 1
      );
    begin
      if missing is not null then
        raise exception 'there is no topic %', missing using errcode = 'no_data_found';
      end if;
      with given as materialized (
        select m.t, m.k, m.v, m.i, (('x' || left(md5(m.k), 8))::bit(32)::bigint % topic.partitions)::integer as p
        from unnest(in_topics, in_keys, in_values) with ordinality m (t, k, v, i) join topic on topic.name = m.t
      ), counted as materialized (
        select t, p, count(*) as count from given group by t, p
      ), locked as materialized (
        select q.topic, q.number, q.next_offset, counted.count
        from partition q join counted on q.topic = counted.t and q.number = counted.p
        order by q.topic, q.number for update of q
      ), appended as (
        insert into record (topic, partition, "offset", key, value)
        select given.t, given.p,
          locked.next_offset + row_number() over (partition by given.t collate "C", given.p order by given.i) - 1,
          given.k, given.v
        from given join locked on locked.topic = given.t and locked.number = given.p
      )
      update partition q set next_offset = q.next_offset + locked.count
      from locked where q.topic = locked.topic and q.number = locked.number;
      perform pg_notify('event_log', 'topic:' || t) from (select distinct t from unnest(in_topics) t) d;
    end $$`.execute(db)
}

/** The former function does the same, and stays away. */
export async function down(): Promise<void> {}
