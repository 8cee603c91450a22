import type { Session } from './session.ts'

/** What a plan's rows have for moderation; `moderate` fills it in for some. */
export const MODERATION_COLUMNS = `'posted' as moderation_status, 0 as moderation_version,
  null::timestamptz as moderated_at`

/** The first people moderate. */
const MODERATORS = 5
/** As the queue is worked off: little is rejected, some waits. */
const STATUSES = `array['flagged', 'flagged', 'flagged', 'review', 'review', 'approved', 'approved', 'rejected']`

/** Moves one in 80 rows of a plan once, a few days after it was written at most. */
export function moderate(plan: string, only = 'true'): string {
  return `
    update ${plan}
    set moderation_status = (${STATUSES})[pg_temp.skewed(cardinality(${STATUSES}), 1)], moderation_version = 1,
      moderated_at = pg_temp.between(created_at, least(now(), created_at + interval '3 days'), random())
    where random() < 0.0125 and ${only}`
}

interface Kind {
  type: 'group' | 'post' | 'comment'
  /** The owner's rows of this run, as `state`, with the author as `subject_id`: a join and a condition. */
  from: string
  subject: string
  /** The state of the newest event, as JSON. */
  state: string
}

const TIMES = `
  'createdAt', pg_temp.iso(state.created_at), 'updatedAt', pg_temp.iso(state.updated_at),
  'deletedAt', pg_temp.iso(state.deleted_at), 'contentRevision', state.content_revision`

const GROUP: Kind = {
  type: 'group',
  from: 'groups."group" as state join new_group as plan using (id)',
  subject: 'state.owner_id',
  state: `jsonb_strip_nulls(jsonb_build_object(
      'id', state.id, 'name', state.name, 'description', state.description, 'shortName', state.short_name,
      'sportId', state.sport_id, 'postRules', state.post_rules, 'groupType', state.group_type, 'ownerId', state.owner_id,
      'location', case when state.latitude is not null
        then jsonb_build_object('lat', state.latitude, 'lng', state.longitude) end, ${TIMES}))
    || case when state.address is null then '{}' else jsonb_build_object('address', state.address) end`,
}

// Nothing that was counted had happened yet when the last event about the content itself was published.
const POST: Kind = {
  type: 'post',
  from: 'social.post as state join new_post as plan using (id)',
  subject: 'state.author_id',
  state: `jsonb_strip_nulls(jsonb_build_object(
      'id', state.id, 'authorId', state.author_id, 'groupId', state.group_id, 'originalPostId', state.original_post_id,
      'status', state.status, 'text', state.text, 'mediaIds', to_jsonb(state.media_ids), 'mentions', state.mentions,
      'location', state.location, 'likeCount', 0, 'commentCount', 0, 'repostCount', 0, ${TIMES}))`,
}

const COMMENT: Kind = {
  type: 'comment',
  from: 'social.comment as state join new_comment as plan using (id)',
  subject: 'state.author_id',
  state: `jsonb_strip_nulls(jsonb_build_object(
      'id', state.id, 'postId', state.post_id, 'authorId', state.author_id, 'parentCommentId', state.parent_comment_id,
      'text', state.text, 'mentions', state.mentions, 'edited', state.is_edited, 'likeCount', 0, 'replyCount', 0,
      ${TIMES}))`,
}

/** Writes moderation's copy of it all, as its handlers would have, with the record of what was moved. */
export async function writeModeration(session: Session): Promise<void> {
  for (const kind of [GROUP, POST, COMMENT]) await writeItems(session, kind)
  await session.step(
    'transitions',
    `insert into moderation.transition (
       id, entity_type, entity_id, number, subject_id, actor_id, caller_id, previous_status, new_status, reason,
       content_revision, created_at)
     select pg_temp.id_at(moderated_at), entity_type, entity_id, 1, subject_id, moderator.id, moderator.id, 'posted',
       moderation_status, 'spam', content_revision, moderated_at
     from (
       select 'group' as entity_type, id as entity_id, moderated_at, pg_temp.skewed(${MODERATORS}, 1) as moderator_n
       from new_group where moderated_at is not null
       union all select 'post', id, moderated_at, pg_temp.skewed(${MODERATORS}, 1)
       from new_post where moderated_at is not null
       union all select 'comment', id, moderated_at, pg_temp.skewed(${MODERATORS}, 1)
       from new_comment where moderated_at is not null
     ) as moved
     join moderation.item using (entity_type, entity_id)
     join person as moderator on moderator.n = moderator_n
     cross join lateral (select item.status as moderation_status) as status
     order by moderated_at`,
  )
}

async function writeItems(session: Session, { type, from, subject, state }: Kind): Promise<void> {
  await session.step(
    `moderation's copy of ${type}s`,
    `insert into moderation.item (
       entity_type, entity_id, subject_id, content, content_revision, content_version, status, status_since,
       status_revision, transition_count, report_round, created_at, deleted_at)
     select '${type}', state.id, ${subject}, ${state}, state.content_revision, state.version, state.moderation_status,
       coalesce(plan.moderated_at, state.created_at),
       case when plan.moderated_at is not null then state.content_revision end, state.moderation_version,
       case when state.moderation_status in ('approved', 'rejected') then 2 else 1 end, state.created_at, state.deleted_at
     from ${from}
     order by state.created_at`,
  )
}

/** The totals, last of all. */
export async function countItems(session: Session): Promise<void> {
  const plans = [
    `select 'group' as entity_type, moderation_status as status from new_group`,
    `select 'post', moderation_status from new_post where deleted_at is null`,
    `select 'comment', moderation_status from new_comment where deleted_at is null`,
  ]
  await session.query(`
    insert into moderation.item_total (entity_type, status, slot, total)
    select entity_type, status, 0, count(*) from (${plans.join(' union all ')}) as item
    group by 1, 2 order by 1, 2
    on conflict (entity_type, status, slot) do update set total = item_total.total + excluded.total`)
}
