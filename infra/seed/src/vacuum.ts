import pg from 'pg'
import type { Progress } from './session.ts'

const TABLES = [
  'groups."group"',
  'groups.group_name',
  'groups.participant',
  ...[
    '"group"',
    'participant',
    'post',
    'comment',
    'post_like',
    'comment_like',
    'post_hide',
    'group_total',
    'user_total',
  ].map((table) => `social.${table}`),
  ...['robot', 'access', 'moment', 'media', 'mark'].map((table) => `moments.${table}`),
  'moderation.item',
  'moderation.transition',
]

/** Does at once what the server would do by itself some minutes later: statistics, and what is visible to all. */
export async function vacuum(url: string, progress: Progress): Promise<void> {
  const client = new pg.Client({ connectionString: url, application_name: 'seed' })
  await client.connect()
  try {
    const begun = performance.now()
    for (const table of TABLES) await client.query(`vacuum analyze ${table}`)
    progress('vacuum and statistics', TABLES.length, (performance.now() - begun) / 1_000)
  } finally {
    await client.end()
  }
}
