import { PICK_CITY, PICK_SENTENCES } from './material.ts'
import { MODERATION_COLUMNS, moderate } from './moderation.ts'
import type { Session } from './session.ts'
import type { Sizes } from './sizes.ts'

const ON_PROFILES = 0.22
const REPOSTS = 0.08

// What becomes of a post is one random number, its fate. A few are edited within hours, a few deleted.
const IS_DELETED = 'fate > 0.98'
const IS_EDITED = `(fate < 0.05 and original_number is null and not is_settled)`

/**
 * Plans posts as `new_post`: in groups (the larger, the more; by the group's rules, so that some wait or were declined),
 * on profiles, and reposts of what may be reposted. `popular` has those that people react to, in no order; the first of
 * them get most of it.
 */
export async function planPosts(session: Session, sizes: Sizes): Promise<void> {
  const { users, posts } = sizes
  const [{ members = 0 } = {}] = await session.query<{ members: number }>(
    'select count(*)::integer as members from live_member',
  )
  const reposts = Math.floor(posts * REPOSTS)
  const inGroups = members === 0 ? 0 : posts - reposts - Math.floor(posts * ON_PROFILES)
  await session.step(
    'plan of posts',
    `create temp table draft (
       number serial, author_n integer, group_n integer, original_number integer, status text,
       created_at timestamptz, fate float8, is_settled boolean default false
     ) on commit drop`,
    draftsInGroups(members, inGroups),
    `insert into draft (author_n, status, created_at, fate)
     select pg_temp.skewed(${users}, 2), 'published',
       pg_temp.between(now() - interval '3 years', now(), power(random(), 0.8)), random()
     from generate_series(1, ${posts - reposts - inGroups})`,
    `create temp table popular on commit drop as
     select row_number() over (order by random()) as i, number, group_n, coalesce(group_type, 'Public') as kind,
       draft.created_at
     from draft left join new_group on new_group.n = group_n
     where status = 'published' and not ${IS_DELETED}`,
    'create unique index on popular (i)',
    'analyze popular',
  )
  await session.step('plan of reposts', await draftsOfReposts(session, users, reposts))
  await session.step(
    'what became of them',
    `create temp table new_post on commit drop as
     select *, pg_temp.id_at(created_at) as id, ${MODERATION_COLUMNS},
       1 + (${IS_EDITED} or is_settled)::integer + (${IS_DELETED})::integer as version,
       1 + (${IS_EDITED})::integer as content_revision,
       case when ${IS_EDITED} or is_settled or ${IS_DELETED}
         then pg_temp.between(created_at, least(now(), created_at + interval '3 hours'), random())
         else created_at end as updated_at,
       null::timestamptz as deleted_at, ${PICK_SENTENCES}, ${PICK_CITY},
       pg_temp.skewed(${users}, 2) as mentioned_n, random() as decoration
     from draft`,
    `update new_post set deleted_at = updated_at where ${IS_DELETED}`,
    moderate('new_post', 'deleted_at is null'),
    'create unique index on new_post (number)',
    'analyze new_post',
  )
}

function draftsInGroups(members: number, count: number): string {
  return `
    insert into draft (author_n, group_n, status, created_at, fate, is_settled)
    select case when post_rules = 'OnlyAdmin' and not is_admin then owner_n else user_n end, group_n,
      case when is_at_once or judged < 0.6 then 'published' when judged < 0.85 then 'suggested' else 'declined' end,
      pg_temp.between(joined_at, now(), power(random(), 0.8)), random(),
      not is_at_once and (judged < 0.6 or judged >= 0.85)
    from (
      select judged, live_member.*, owner_n, post_rules, is_admin or post_rules <> 'AdminApproval' as is_at_once
      from (
        select pg_temp.skewed(${members}, 1.5) as i, random() as judged from generate_series(1, ${count})
      ) as draw
      join live_member using (i)
      join new_group on new_group.n = group_n
    ) as written`
}

/** Nobody reposts a post twice, and none of a Private group, so a few more are drawn. */
async function draftsOfReposts(session: Session, users: number, count: number): Promise<string> {
  const originals = await countPopular(session)
  return `
    insert into draft (author_n, original_number, status, created_at, fate)
    select user_n, number, 'published', pg_temp.between(created_at, now(), power(random(), 3)), random()
    from (
      select distinct pg_temp.skewed(${originals}, 3) as i, pg_temp.skewed(${users}, 2) as user_n
      from generate_series(1, ${Math.ceil(originals === 0 ? 0 : count * 1.4)})
    ) as draw
    join popular using (i)
    where kind = 'Public'
    limit ${count}`
}

/** How many posts people react to. */
export async function countPopular(session: Session): Promise<number> {
  const [{ posts = 0 } = {}] = await session.query<{ posts: number }>('select count(*)::integer as posts from popular')
  return posts
}

/** Writes posts with what their reactions come to, and the totals of groups and people. */
export async function writePosts(session: Session): Promise<void> {
  await session.step(
    'posts',
    `insert into social.post (
       id, author_id, group_id, original_post_id, status, text, media_ids, mentions, location, like_count, like_version,
       comment_count, repost_count, moderation_status, moderation_version, content_revision, version, created_at,
       updated_at, deleted_at)
     select post.id, author.id, new_group.id, original.id, post.status,
       case when original.id is not null then ''
         when is_mentioning then one.words || ' @friend ' || two.words else one.words || '. ' || two.words end,
       case when original.id is null and post.decoration > 0.6 then (
         select array_agg(gen_random_uuid()) from generate_series(1, 1 + (post.decoration * 1000)::integer % 6)
       ) else '{}' end,
       case when is_mentioning
         then jsonb_build_array(jsonb_build_object('mentionedUserId', mentioned.id, 'mentionText', '@friend'))
         else '[]' end,
       case when original.id is null and post.decoration between 0.1 and 0.2 then location end,
       coalesce(likes, 0), coalesce(likes, 0), coalesce(comments, 0), coalesce(reposts, 0),
       post.moderation_status, post.moderation_version, post.content_revision, post.version, post.created_at,
       post.updated_at, post.deleted_at
     from (
       select *, original_number is null and decoration < 0.05 as is_mentioning from new_post
     ) as post
     join person as author on author.n = post.author_n
     join person as mentioned on mentioned.n = post.mentioned_n
     join city on city.n = post.city_n
     join sentence as one on one.n = post.sentence_1
     join sentence as two on two.n = post.sentence_2
     left join new_group on new_group.n = post.group_n
     left join new_post as original on original.number = post.original_number
     left join (select post_number, count(*) as likes from liked group by 1) as liked
       on liked.post_number = post.number
     left join (select post_number, count(*) as comments from new_comment where deleted_at is null group by 1) as said
       on said.post_number = post.number
     left join (
       select original_number, count(*) as reposts from new_post
       where original_number is not null and deleted_at is null group by 1
     ) as reposted on reposted.original_number = post.number
     order by post.created_at`,
  )
  await session.step(
    'what people hid',
    `insert into social.post_hide (user_id, post_id, created_at)
     select person.id, new_post.id, pg_temp.between(new_post.created_at, now(), random())
     from new_post join person on person.n = mentioned_n
     where decoration between 0.98 and 0.99 and deleted_at is null`,
  )
}

/** The totals, last of all. */
export async function countPosts(session: Session): Promise<void> {
  await session.step(
    'totals',
    `insert into social.group_total (group_id, published_count, suggested_count)
     select new_group.id, count(*) filter (where status = 'published'), count(*) filter (where status = 'suggested')
     from new_post join new_group on new_group.n = group_n
     where deleted_at is null and status <> 'declined' group by 1`,
    `insert into social.user_total (user_id, created_count, reposted_count)
     select person.id, count(*) filter (where original_number is null), count(original_number)
     from new_post join person on person.n = author_n
     where deleted_at is null and group_n is null group by 1`,
  )
}
