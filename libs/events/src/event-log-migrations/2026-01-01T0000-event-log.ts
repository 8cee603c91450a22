import { type Kysely, sql } from 'kysely'

/**
 * Tables of the embedded log, and the functions that are the only way to them. These run with the rights of the
 * schema's owner, so that a service can produce and consume and do nothing else here.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create table topic (
    name text primary key,
    partitions integer not null check (partitions > 0),
    retention interval not null default '14 days'
  )`.execute(db)
  await sql`create table partition (
    topic text not null references topic,
    number integer not null,
    next_offset bigint not null default 0,
    primary key (topic, number)
  ) with (fillfactor = 50)`.execute(db)
  await sql`create table record (
    topic text not null,
    partition integer not null,
    "offset" bigint not null,
    key text not null,
    value text not null,
    appended_at timestamptz not null default now(),
    primary key (topic, partition, "offset")
  )`.execute(db)
  await sql`create index record_appended_at_index on record using brin (appended_at) with (pages_per_range = 16)`.execute(
    db,
  )
  await sql`create table consumer_group (name text primary key, owner name not null)`.execute(db)
  await sql`create table group_offset (
    consumer_group text not null references consumer_group,
    topic text not null,
    partition integer not null,
    next_offset bigint not null,
    primary key (consumer_group, topic, partition)
  ) with (fillfactor = 50)`.execute(db)
  await sql`create table member (
    consumer_group text not null references consumer_group,
    id text not null,
    topics text[] not null,
    lease_until timestamptz not null,
    primary key (consumer_group, id)
  )`.execute(db)
  await sql`create table assignment (
    consumer_group text not null,
    topic text not null,
    partition integer not null,
    member text not null,
    primary key (consumer_group, topic, partition),
    foreign key (consumer_group, member) references member on delete cascade
  )`.execute(db)
  await sql`create index assignment_member_index on assignment (consumer_group, member)`.execute(db)
  for (const statement of [ensureTopics, append, heartbeat, release, leave, fetch, commit, purge]) {
    await statement.execute(db)
  }
  await sql`revoke all on all functions in schema event_log from public`.execute(db)
}

const ensureTopics = sql`
  create function event_log.ensure_topics(in_names text[], in_partitions integer) returns void
  language sql security definer set search_path = event_log, pg_temp as $$
    insert into topic (name, partitions) select n, in_partitions from unnest(in_names) n on conflict do nothing;
    insert into partition (topic, number)
      select t.name, g from topic t, generate_series(0, t.partitions - 1) g where t.name = any (in_names)
      on conflict do nothing;
  $$`

// The partitions' rows are locked until the commit, in one order: offsets become visible in ascending order, without
// deadlocks, and a reader never passes one that is still to come.
const append = sql`
  create function event_log.append(in_topics text[], in_keys text[], in_values text[]) returns void
  language plpgsql security definer set search_path = event_log, pg_temp as $$
  declare
    partitions_of jsonb := (select jsonb_object_agg(name, partitions) from topic where name = any (in_topics));
    missing text := (select n from unnest(in_topics) n where not coalesce(partitions_of, '{}') ? n limit 1);
    places integer[];
  begin
    if missing is not null then
      raise exception 'there is no topic %', missing using errcode = 'no_data_found';
    end if;
    select array_agg(('x' || left(md5(k), 8))::bit(32)::bigint % (partitions_of ->> t)::integer order by i) into places
      from unnest(in_topics, in_keys) with ordinality m (t, k, i);
    perform from partition
      where (topic, number) in (select t, p from unnest(in_topics, places) m (t, p))
      order by topic, number for update;
    insert into record (topic, partition, "offset", key, value)
      select m.t, m.p, q.next_offset + row_number() over (partition by m.t, m.p order by m.i) - 1, m.k, m.v
      from unnest(in_topics, places, in_keys, in_values) with ordinality m (t, p, k, v, i)
      join partition q on q.topic = m.t and q.number = m.p;
    update partition q set next_offset = q.next_offset + c.count
      from (select t, p, count(*) from unnest(in_topics, places) m (t, p) group by t, p) c
      where q.topic = c.t and q.number = c.p;
    perform pg_notify('event_log', 'topic:' || t) from (select distinct t from unnest(in_topics) t) d;
  end $$`

// A member is gone when its lease is over, or when the lock on its id is free: its connection held that.
// A partition goes to whom the count assigns it, but only once nobody else has it.
const heartbeat = sql`
  create function event_log.heartbeat(in_group text, in_member text, in_topics text[], in_lease_ms integer)
  returns table (topic text, partition integer, next_offset bigint, is_revoked boolean)
  language plpgsql security definer set search_path = event_log, pg_temp as $$
  #variable_conflict use_column
  declare
    is_new boolean;
    has_lost boolean;
  begin
    perform pg_advisory_xact_lock(hashtextextended('event_log group ' || in_group, 0));
    insert into consumer_group (name, owner) values (in_group, session_user) on conflict do nothing;
    if not exists (select from consumer_group where name = in_group and owner = session_user) then
      raise exception 'the group % belongs to another role', in_group using errcode = 'insufficient_privilege';
    end if;
    insert into member as m (consumer_group, id, topics, lease_until)
      values (in_group, in_member, in_topics, clock_timestamp() + in_lease_ms * interval '1 ms')
      on conflict (consumer_group, id) do update set lease_until = excluded.lease_until
      returning m.xmax = 0 into is_new;
    with gone as (
      delete from member m where m.consumer_group = in_group and m.id <> in_member
        and (m.lease_until < clock_timestamp()
          or pg_try_advisory_xact_lock(hashtextextended('event_log member ' || m.id, 0)))
        returning 1
    ) select exists (select from gone) into has_lost;
    return query
      with wanted as (
        select q.topic, q.number as partition, c.members[1 + q.number % cardinality(c.members)] as member
        from (
          select t as topic, array_agg(m.id order by m.id) as members
          from member m, unnest(m.topics) t where m.consumer_group = in_group group by t
        ) c join partition q using (topic)
      ), taken as (
        insert into assignment (consumer_group, topic, partition, member)
        select in_group, w.topic, w.partition, w.member from wanted w
        where w.member = in_member and not exists (
          select from assignment a
          where a.consumer_group = in_group and a.topic = w.topic and a.partition = w.partition)
        returning *
      )
      select a.topic, a.partition, coalesce(o.next_offset, 0), w.member is distinct from in_member
      from (
        select * from taken
        union all select * from assignment where consumer_group = in_group and member = in_member
      ) a
      left join wanted w on w.topic = a.topic and w.partition = a.partition
      left join group_offset o
        on o.consumer_group = in_group and o.topic = a.topic and o.partition = a.partition;
    if is_new or has_lost then
      perform pg_notify('event_log', 'group:' || in_group);
    end if;
  end $$`

const release = sql`
  create function event_log.release(in_group text, in_member text, in_topics text[], in_partitions integer[])
  returns void
  language sql security definer set search_path = event_log, pg_temp as $$
    delete from assignment where consumer_group = in_group and member = in_member
      and (topic, partition) in (select t, p from unnest(in_topics, in_partitions) r (t, p));
    select pg_notify('event_log', 'group:' || in_group);
  $$`

const leave = sql`
  create function event_log.leave(in_group text, in_member text) returns void
  language sql security definer set search_path = event_log, pg_temp as $$
    delete from member where consumer_group = in_group and id = in_member;
    select pg_notify('event_log', 'group:' || in_group);
  $$`

const fetch = sql`
  create function event_log.fetch(in_topics text[], in_partitions integer[], in_offsets bigint[], in_limit integer)
  returns table (topic text, partition integer, "offset" bigint, key text, value text, next_offset bigint)
  language sql stable security definer set search_path = event_log, pg_temp as $$
    select r.topic, r.partition, r."offset", r.key, r.value, q.next_offset
    from unnest(in_topics, in_partitions, in_offsets) w (topic, partition, "offset")
    join partition q on q.topic = w.topic and q.number = w.partition and q.next_offset > w."offset"
    cross join lateral (
      select * from record r
      where r.topic = w.topic and r.partition = w.partition and r."offset" >= w."offset"
      order by r."offset" limit in_limit
    ) r
    order by r.topic, r.partition, r."offset"
  $$`

// Only the partition's present owner may say how far the group is.
const commit = sql`
  create function event_log.commit(in_group text, in_member text, in_topic text, in_partition integer, in_next bigint)
  returns boolean
  language plpgsql security definer set search_path = event_log, pg_temp as $$
  begin
    perform from assignment where consumer_group = in_group and topic = in_topic and partition = in_partition
      and member = in_member for key share;
    if not found then
      return false;
    end if;
    insert into group_offset as o (consumer_group, topic, partition, next_offset)
      values (in_group, in_topic, in_partition, in_next)
      on conflict (consumer_group, topic, partition)
      do update set next_offset = greatest(o.next_offset, excluded.next_offset);
    return true;
  end $$`

// What a group has still to read is kept for it, however long the machine was off.
const purge = sql`
  create function event_log.purge(in_limit integer) returns integer
  language sql security definer set search_path = event_log, pg_temp as $$
    with purged as (
      delete from record where ctid = any (array(
        select r.ctid from record r join topic t on t.name = r.topic
        where r.appended_at < now() - t.retention and not exists (
          select from group_offset o
          where o.topic = r.topic and o.partition = r.partition and o.next_offset <= r."offset")
        limit in_limit))
      returning 1
    ) select count(*)::integer from purged
  $$`

export async function down(db: Kysely<unknown>): Promise<void> {
  const functions = ['ensure_topics', 'append', 'heartbeat', 'release', 'leave', 'fetch', 'commit', 'purge']
  for (const name of functions) await sql`drop function ${sql.id('event_log', name)}`.execute(db)
  const tables = ['assignment', 'member', 'group_offset', 'consumer_group', 'record', 'partition', 'topic']
  for (const name of tables) await sql`drop table ${sql.id(name)}`.execute(db)
}
