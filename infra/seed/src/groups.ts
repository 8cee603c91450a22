import { PICK_CITY, PICK_SENTENCES } from './material.ts'
import { MODERATION_COLUMNS, moderate } from './moderation.ts'
import type { Session } from './session.ts'
import type { Sizes } from './sizes.ts'
import { ADJECTIVES, NOUNS } from './words.ts'

const MEMBERSHIPS_A_USER = 6
const SPORTS = 40

/**
 * Plans groups and who is in them: `new_group`, whose first are the largest, and `member`, numbered in each group by
 * time (`k`) and over all groups in no order (`i`). One in 100 was made an admin, one in 100 muted, one in 25 has left.
 */
export async function planGroups(session: Session, { users, groups }: Sizes): Promise<void> {
  await session.query(
    `create temp table new_group on commit drop as
     select draw.*, pg_temp.id_at(created_at) as id, ${MODERATION_COLUMNS}
     from (
       select n, pg_temp.skewed(${users}, 1.5) as owner_n, ${PICK_CITY}, ${PICK_SENTENCES},
         ($1::text[])[pg_temp.skewed(cardinality($1), 1)] as adjective, ($2::text[])[pg_temp.zipf(cardinality($2))] as noun,
         md5('sport ' || pg_temp.zipf(${SPORTS}))::uuid as sport_id,
         case when random() < 0.15 then 'Private' else 'Public' end as group_type,
         (array['Everyone', 'Everyone', 'Everyone', 'AdminApproval', 'OnlyAdmin'])[pg_temp.skewed(5, 1)] as post_rules,
         pg_temp.between(now() - interval '3 years', now(), random()) as created_at,
         random() as place_kind, random() - 0.5 as north, random() - 0.5 as east
       from generate_series(1, ${groups}) as n
     ) as draw`,
    [ADJECTIVES, NOUNS],
  )
  await session.step(
    'who is in them',
    moderate('new_group'),
    'create unique index on new_group (n)',
    'analyze new_group',
    `create temp table member (
       group_n integer, user_n integer, is_admin boolean, is_muted boolean, joined_at timestamptz, left_at timestamptz,
       i integer, k integer
     ) on commit drop`,
    `insert into member (group_n, user_n, is_admin, is_muted, joined_at, left_at)
     select n, owner_n, true, false, created_at, null from new_group
     union all
     select group_n, user_n, fate < 0.01, fate between 0.01 and 0.02, joined_at,
       case when fate > 0.96 then pg_temp.between(joined_at, now(), random()) end
     from (
       select *, random() as fate, pg_temp.between(created_at, now(), random()) as joined_at
       from (
         select distinct pg_temp.zipf(${groups}) as group_n, pg_temp.skewed(${users}, 2) as user_n
         from generate_series(1, ${groups === 0 ? 0 : users * MEMBERSHIPS_A_USER})
       ) as draw
       join new_group on new_group.n = draw.group_n and new_group.owner_n <> draw.user_n
     ) as place`,
    `create temp table live_member on commit drop as
     select group_n, user_n, is_admin, joined_at, row_number() over (order by random()) as i,
       row_number() over (partition by group_n order by joined_at) as k
     from member where left_at is null`,
    'create unique index on live_member (i)',
    'create unique index on live_member (group_n, k)',
    'create temp table group_size on commit drop as select group_n, count(*) as size from live_member group by 1',
    'create unique index on group_size (group_n)',
    'analyze live_member',
    'analyze group_size',
    'analyze member',
  )
}

// Two words of its own make a name that few others have, as names are.
const NAME = `left(city.name || ' ' || adjective || ' ' || initcap(
  split_part(one.words, ' ', 2) || ' ' || split_part(two.words, ' ', 3)) || ' ' || noun, 60)`
// Most have an address, some a position beside it or alone, some neither.
const PLACE = `
  case when place_kind < 0.7 then address end as address,
  case when place_kind between 0.6 and 0.9 then least(greatest(round((city.latitude + north * 0.4)::numeric, 5), -90), 90) end as latitude,
  case when place_kind between 0.6 and 0.9 then least(greatest(round((city.longitude + east * 0.4)::numeric, 5), -180), 180) end as longitude`

/** Writes them: the groups service's tables with their counts, and social's copy. */
export async function writeGroups(session: Session): Promise<void> {
  await session.step(
    'groups',
    `insert into groups."group" (
       id, name, description, short_name, sport_id, post_rules, group_type, owner_id, address, latitude, longitude,
       participants_count, moderation_status, moderation_version, created_at, updated_at)
     select id, name, description, short_name, sport_id, post_rules, group_type, owner_id, address,
       latitude, longitude, size, moderation_status, moderation_version, created_at, created_at
     from (
       select new_group.id, ${NAME} as name, one.words || '. ' || two.words as description,
         left(lower(adjective), 8) || '_' || lower(left(noun, 8)) || '_' || right(new_group.id::text, 12) as short_name,
         sport_id, post_rules, group_type, person.id as owner_id, ${PLACE}, size, moderation_status, moderation_version,
         created_at
       from new_group
       join group_size on group_n = new_group.n
       join person on person.n = owner_n
       join city on city.n = city_n
       join sentence as one on one.n = sentence_1
       join sentence as two on two.n = sentence_2
     ) as made
     order by created_at`,
  )
  const participants = (times: string) => `
    select new_group.id as group_id, person.id as user_id, is_admin, is_muted, left_at as deleted_at,
      case when left_at is null and not is_muted and (not is_admin or owner_n = user_n) then 1 else 2 end as version
      ${times}
    from member
    join new_group on new_group.n = group_n
    join person on person.n = user_n
    order by joined_at`
  await session.step(
    'participants',
    `insert into groups.participant (group_id, user_id, is_admin, is_muted, deleted_at, version, joined_at)
     ${participants(', joined_at')}`,
  )
  await session.step(
    "social's copy of both",
    `insert into social."group" (id, owner_id, post_rules, group_type, version)
     select new_group.id, person.id, post_rules, group_type, 1
     from new_group join person on person.n = owner_n order by created_at`,
    `insert into social.participant (group_id, user_id, is_admin, is_muted, deleted_at, version) ${participants('')}`,
  )
}

/** Shared rows are changed last, so that a running service waits for them as shortly as can be. */
export async function countGroups(session: Session): Promise<void> {
  await session.query(`
    update groups.public_group_total set total = total + (select count(*) from new_group where group_type = 'Public')
    where slot = 0`)
}
