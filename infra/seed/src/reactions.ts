import { PICK_SENTENCES } from './material.ts'
import { MODERATION_COLUMNS, moderate } from './moderation.ts'
import { countPopular } from './posts.ts'
import type { Session } from './session.ts'
import type { Sizes } from './sizes.ts'

const ON_COMMENTS = 0.2
const REPLIES = 0.35
const ROUNDS = 10

/**
 * Plans comments as `new_comment`, most of them soon after the post, numbered on each post by time (`k`). In a group its
 * participants write, the longest-standing most. A reply's parent is one of those before it.
 */
export async function planComments(session: Session, { users, comments }: Sizes): Promise<void> {
  const posts = await countPopular(session)
  await session.step(
    'plan of comments',
    `create temp table remark on commit drop as
     select row_number() over (order by created_at) as number, post_number, author_n, created_at,
       row_number() over (partition by post_number order by created_at) as k
     from (
       select popular.number as post_number, coalesce(member.user_n, anybody) as author_n,
         pg_temp.between(popular.created_at, now(), power(random(), 5)) as created_at
       from (
         select pg_temp.skewed(${posts}, 3) as i, pg_temp.skewed(${users}, 2) as anybody, power(random(), 1.5) as nth
         from generate_series(1, ${comments})
       ) as draw
       join popular using (i)
       left join group_size using (group_n)
       left join live_member as member on member.group_n = popular.group_n and member.k = 1 + floor(nth * size)
     ) as said`,
    'create unique index on remark (post_number, k)',
    'analyze remark',
    `create temp table new_comment on commit drop as
     select remark.*, parent.number as parent_number, pg_temp.id_at(remark.created_at) as id, ${MODERATION_COLUMNS},
       fate < 0.03 as is_edited, 1 + (fate < 0.03)::integer as content_revision,
       1 + (fate < 0.03 or fate > 0.985)::integer as version,
       case when fate < 0.03 or fate > 0.985
         then pg_temp.between(remark.created_at, least(now(), remark.created_at + interval '1 hour'), random())
         else remark.created_at end as updated_at,
       null::timestamptz as deleted_at, ${PICK_SENTENCES}
     from (select *, random() as fate, random() as reply, power(random(), 2) as nth from remark) as remark
     left join remark as parent on remark.reply < ${REPLIES} and remark.k > 1
       and parent.post_number = remark.post_number and parent.k = 1 + floor(remark.nth * (remark.k - 1))`,
    'update new_comment set deleted_at = updated_at where fate > 0.985',
    moderate('new_comment', 'deleted_at is null'),
    'create unique index on new_comment (number)',
    `create temp table live_comment on commit drop as
     select row_number() over (order by random()) as i, number, created_at from new_comment where deleted_at is null`,
    'create unique index on live_comment (i)',
    'analyze new_comment',
    'analyze live_comment',
  )
}

/** Plans likes as `liked` and `comment_liked`. The first in `popular` are liked most. Nobody likes anything twice. */
export async function planLikes(session: Session, { users, likes }: Sizes): Promise<void> {
  const posts = await countPopular(session)
  const [{ comments = 0 } = {}] = await session.query<{ comments: number }>(
    'select count(*)::integer as comments from live_comment',
  )
  const ofComments = comments === 0 ? 0 : Math.floor(likes * ON_COMMENTS)
  await session.query(`
    create temp table liked (post_number integer, user_n integer, created_at timestamptz,
      primary key (post_number, user_n)) on commit drop`)
  await session.query(`
    create temp table comment_liked (comment_number integer, user_n integer, created_at timestamptz,
      primary key (comment_number, user_n)) on commit drop`)
  // In a group's post it is its participants who like it, and where it is Public a few others.
  await drawUntil(
    session,
    'plan of likes',
    likes - ofComments,
    (count) => `
    insert into liked
    select popular.number, coalesce(member.user_n, anybody), pg_temp.between(popular.created_at, now(), power(random(), 4))
    from (
      select pg_temp.skewed(${posts}, 3) as i, pg_temp.skewed(${users}, 1.3) as anybody, random() as nth,
        random() as stranger
      from generate_series(1, ${count})
    ) as draw
    join popular using (i)
    left join group_size on group_size.group_n = popular.group_n and (kind = 'Private' or stranger < 0.5)
    left join live_member as member on member.group_n = popular.group_n and member.k = 1 + floor(nth * size)
    on conflict do nothing`,
  )
  await drawUntil(
    session,
    'plan of likes of comments',
    ofComments,
    (count) => `
    insert into comment_liked
    select number, user_n, pg_temp.between(created_at, now(), power(random(), 4))
    from (
      select pg_temp.skewed(${comments}, 3) as i, pg_temp.skewed(${users}, 1.3) as user_n
      from generate_series(1, ${count})
    ) as draw
    join live_comment using (i)
    on conflict do nothing`,
  )
  await session.query('analyze liked')
  await session.query('analyze comment_liked')
}

/** Draws what is missing again and again; with few people there may be no more to be had. */
async function drawUntil(
  session: Session,
  what: string,
  wanted: number,
  draw: (count: number) => string,
): Promise<void> {
  let missing = wanted
  for (let round = 0; round < ROUNDS && missing > 0; round++) missing -= await session.step(what, draw(missing))
}

/** Writes comments, with what their replies and likes come to. */
export async function writeComments(session: Session): Promise<void> {
  await session.step(
    'comments',
    `insert into social.comment (
       id, post_id, author_id, parent_comment_id, text, is_edited, like_count, like_version, reply_count,
       moderation_status, moderation_version, content_revision, version, created_at, updated_at, deleted_at)
     select comment.id, post.id, author.id, parent.id,
       case when comment.k % 3 = 0 then one.words || '. ' || two.words else one.words end,
       comment.is_edited, coalesce(likes, 0), coalesce(likes, 0), coalesce(replies, 0),
       comment.moderation_status, comment.moderation_version, comment.content_revision, comment.version,
       comment.created_at, comment.updated_at, comment.deleted_at
     from new_comment as comment
     join new_post as post on post.number = post_number
     join person as author on author.n = comment.author_n
     join sentence as one on one.n = comment.sentence_1
     join sentence as two on two.n = comment.sentence_2
     left join new_comment as parent on parent.number = comment.parent_number
     left join (select comment_number, count(*) as likes from comment_liked group by 1) as liked
       on liked.comment_number = comment.number
     left join (
       select parent_number, count(*) as replies from new_comment
       where parent_number is not null and deleted_at is null group by 1
     ) as answered on answered.parent_number = comment.number
     order by comment.created_at`,
  )
}

export async function writeLikes(session: Session): Promise<void> {
  await session.step(
    'likes of posts',
    `insert into social.post_like (id, post_id, user_id, created_at)
     select pg_temp.id_at(liked.created_at), new_post.id, person.id, liked.created_at
     from liked join new_post on number = post_number join person on n = user_n
     order by liked.created_at`,
  )
  await session.step(
    'likes of comments',
    `insert into social.comment_like (id, comment_id, post_id, user_id, created_at)
     select pg_temp.id_at(comment_liked.created_at), comment.id, post.id, person.id, comment_liked.created_at
     from comment_liked
     join new_comment as comment on comment.number = comment_number
     join new_post as post on post.number = comment.post_number
     join person on n = user_n
     order by comment_liked.created_at`,
  )
}
