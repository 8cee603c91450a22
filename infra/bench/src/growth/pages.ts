import type pg from 'pg'

/** One reading: by whom, of what. */
export interface Asked {
  path: string
  userId: string
}

/** A page whose cost must not grow with its table. */
export interface Page {
  name: string
  process: 'social' | 'groups'
  /** Has more to do on a larger table, whatever the index: it is measured, but held to no ratio. */
  isWithoutGoal?: true
  /** Picks what is asked for, at random: what has more is picked more often. */
  choose(client: pg.Client, count: number): Promise<Asked[]>
}

interface Picked {
  path: string
  user_id: string
}

/** @param query gives `path` and `user_id`; it is run once for each database, since picking reads a whole table */
function picking(name: string, process: Page['process'], query: string): Page {
  const known = new WeakMap<pg.Client, Asked[]>()
  return {
    name,
    process,
    choose: async (client, count) => {
      let asked = known.get(client)
      if (!asked) {
        const { rows } = await client.query<Picked>(query)
        asked = rows.map(({ path, user_id }) => ({ path, userId: user_id }))
        known.set(client, asked)
      }
      const from = asked
      return Array.from({ length: count }, () => {
        const one = from[Math.floor(Math.random() * from.length)]
        if (!one) throw new Error(`There is nothing to read for '${name}'.`)
        return one
      })
    },
  }
}

const PICKS = 2_000
// Those who own a group may read everything in it.
const IN_GROUP = `social.post join social."group" on "group".id = group_id
  where status = 'published' and post.deleted_at is null`

export const PAGES: Page[] = [
  picking(
    "a group's feed",
    'social',
    `select '/groups/' || group_id || '/feed?limit=10' as path, owner_id as user_id
     from ${IN_GROUP} order by random() limit ${PICKS}`,
  ),
  picking(
    "a post's comments",
    'social',
    `select '/posts/' || post_id || '/comments?limit=10' as path, coalesce(owner_id, post.author_id) as user_id
     from social.comment join social.post on post.id = post_id left join social."group" on "group".id = group_id
     where comment.deleted_at is null order by random() limit ${PICKS}`,
  ),
  picking(
    'groups by name',
    'groups',
    `select '/groups?limit=10&groupName=' || replace(name, ' ', '%20') as path, owner_id as user_id
     from groups."group" where name ~ '^[A-Za-z ]+$' order by random() limit ${PICKS}`,
  ),
  // Between 66 and 1,900 of 10,000 names have such a word, and a hundred times as many of 1,000,000: more are counted, up
  // to the total's bound, and the index finds all of them before the first is looked at.
  {
    ...picking(
      'groups by a word of many names',
      'groups',
      `select '/groups?limit=10&groupName=' || substring(name from '[A-Za-z]+$') as path, owner_id as user_id
       from groups."group" where name ~ ' [A-Za-z]+$' order by random() limit ${PICKS}`,
    ),
    isWithoutGoal: true,
  },
  picking(
    'groups by distance',
    'groups',
    `select '/groups?limit=10&lat=' || (address ->> 'latitude') || '&lng=' || (address ->> 'longitude') as path,
       owner_id as user_id
     from groups."group" where address is not null order by random() limit ${PICKS}`,
  ),
]
