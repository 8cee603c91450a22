import type { Session } from './session.ts'
import type { Sizes } from './sizes.ts'

const ZONES = `array['Europe/Oslo', 'Europe/Berlin', 'America/New_York', 'America/Los_Angeles', 'Asia/Tokyo', 'Asia/Kolkata']`
const TYPES = `array['photo', 'photo', 'photo', 'video', 'video', 'pet', 'visitor', 'playtime']`
// A home has few people.
const MOST_VIEWERS = 3

/** Plans and writes robots with their people: one owner each, and up to three viewers, some of whom came later. */
export async function writeRobots(session: Session, { users, robots }: Sizes): Promise<void> {
  await session.step(
    'robots',
    `create temp table new_robot on commit drop as
     select n, gen_random_uuid() as id, (${ZONES})[pg_temp.skewed(6, 1)] as time_zone, pg_temp.skewed(${users}, 1) as owner_n,
       pg_temp.between(now() - interval '3 years', now() - interval '1 day', random()) as created_at
     from generate_series(1, ${robots}) as n`,
    'create unique index on new_robot (n)',
    'analyze new_robot',
    `insert into moments.robot (id, name, time_zone, created_at, updated_at)
     select id, 'Robot ' || n, time_zone, created_at, created_at from new_robot order by created_at`,
  )
  await session.step(
    'rights on robots',
    `create temp table new_access on commit drop as
     select new_robot.n as robot_n, person.id as user_id, 'owner' as "right", created_at as granted_at,
       null::timestamptz as visible_from
     from new_robot join person on person.n = owner_n
     union all
     select distinct on (robot_n, user_n) robot_n, person.id, 'viewer', granted_at,
       case when random() < 0.2 then granted_at end
     from (
       select new_robot.n as robot_n, owner_n, pg_temp.skewed(${users}, 1) as user_n,
         pg_temp.between(created_at, now(), random()) as granted_at
       from new_robot, generate_series(1, ${MOST_VIEWERS})
       where random() < 0.6
     ) as draw
     join person on person.n = user_n where user_n <> owner_n`,
    `insert into moments.access (robot_id, user_id, "right", visible_from, granted_at)
     select new_robot.id, user_id, "right", visible_from, granted_at
     from new_access join new_robot on new_robot.n = robot_n`,
  )
}

/**
 * Plans and writes moments with one file each, which the robot hosts elsewhere, and what people did with them: every
 * count equals a recount. One in 50 has expired, one in 100 is in the trash.
 */
export async function writeMoments(session: Session, { robots, moments }: Sizes): Promise<void> {
  await session.step(
    'moments',
    `create temp table new_moment on commit drop as
     select draw.*, captured_at, new_robot.id as robot_id, new_robot.time_zone, pg_temp.id_at(captured_at) as id,
       captured_at at time zone time_zone as local_at,
       case when fate < 0.02 then captured_at + interval '30 days' end as expires_at,
       case when fate > 0.99 then pg_temp.between(captured_at, now(), random()) end as deleted_at
     from (
       select n, pg_temp.skewed(${robots}, 1.5) as robot_n, (${TYPES})[pg_temp.skewed(8, 1)] as type, random() as fate,
         random() as share
       from generate_series(1, ${robots === 0 ? 0 : moments}) as n
     ) as draw
     join new_robot on new_robot.n = robot_n
     cross join lateral (select pg_temp.between(created_at, now(), share) as captured_at) as at`,
    'analyze new_moment',
    `create temp table new_mark on commit drop as
     select user_id, new_moment.id as moment_id,
       case when taste < 0.15 then 1 when taste > 0.95 then -1 else 0 end as feedback,
       case when random() < 0.05 then at end as shared_at, at
     from (
       select *, random() as taste,
         pg_temp.between(greatest(captured_at, granted_at), now(), random()) as at
       from new_moment join new_access using (robot_n)
       where random() < 0.4 and captured_at >= coalesce(visible_from, '-infinity')
     ) as new_moment`,
    'create index on new_mark (moment_id)',
    'analyze new_mark',
    `insert into moments.moment (
       id, robot_id, source_id, type, captured_at, time_zone, local_at, expires_at, share_count, view_counter,
       deleted_at, version, last_change, created_at, updated_at)
     select id, robot_id, 'seed-' || id, type, captured_at, time_zone, local_at, expires_at,
       (select count(*) from new_mark where moment_id = id and shared_at is not null),
       (select count(*) from new_mark where moment_id = id), deleted_at,
       case when deleted_at is null then 1 else 2 end, case when deleted_at is null then 'created' else 'deleted' end,
       captured_at, coalesce(deleted_at, captured_at)
     from new_moment order by captured_at`,
  )
  // A deleted moment has had two transitions; both are this transaction, so that no snapshot shows it.
  await session.query(`
    update moments.moment set transitions = transitions || pg_current_xact_id()
    where deleted_at is not null and id in (select id from new_moment)`)
  await session.step(
    'files of moments',
    `insert into moments.media (id, moment_id, position, kind, content_type, bytes, uri)
     select gen_random_uuid(), id, 0, case when type = 'video' then 'video' else 'image' end,
       case when type = 'video' then 'video/mp4' else 'image/jpeg' end, 200000 + n % 1000000,
       'https://robots.example/' || id
     from new_moment`,
  )
  await session.step(
    'what people did with moments',
    `insert into moments.mark (user_id, moment_id, feedback, seen_at, shared_at, updated_at)
     select user_id, moment_id, feedback, at, shared_at, at from new_mark`,
  )
}
