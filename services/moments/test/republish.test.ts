import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import type { CloudEvent } from '@platform/events/cloud-event.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { onServer } from '@platform/testing/server.ts'
import { sql } from 'kysely'
import { type MomentsPlatform, startMomentsPlatform } from './harness.ts'

let moments: MomentsPlatform
beforeAll(async () => {
  moments = await startMomentsPlatform()
})
afterAll(() => moments.stop())

const CLI = fileURLToPath(new URL('../../../libs/events/src/cli.ts', import.meta.url))

/** Runs the command as an operator does, and returns its output. */
async function republish(): Promise<string> {
  const env = { PATH: process.env.PATH, DATABASE_URL: moments.platform.database.urlFor('moments') }
  const { stdout } = await promisify(execFile)(process.execPath, [CLI, 'republish', 'moments.moment'], { env })
  return stdout
}

/** Returns the snapshots that lie in the log, by moment. */
async function snapshots(): Promise<Map<string, CloudEvent>> {
  const { rows } = await onServer(moments.platform.database.adminUrl, (client) =>
    client.query<{ value: string }>(
      `select value from event_log.record where topic = 'moments.moment' order by "offset"`,
    ),
  )
  const events: CloudEvent[] = rows.map(({ value }) => JSON.parse(value))
  return new Map(events.filter(({ snapshot }) => snapshot).map((event) => [event.subject, event]))
}

it('publishes the state of every moment again: live, deleted and purged, over several pages', async () => {
  const robotId = await moments.robot()
  const live = await moments.moment(robotId, { title: 'Tea', timeZone: 'Europe/Oslo', localAt: '2026-05-01 12:20:30' })
  const deleted = await moments.moment(robotId)
  const purged = await moments.moment(robotId)
  for (let i = 0; i < 210; i++) await moments.moment(robotId)
  const at = new Date()
  await moments.db
    .updateTable('moment')
    .set({ deleted_at: at, version: 2 })
    .where('id', 'in', [deleted, purged])
    .execute()
  await moments.db
    .updateTable('moment')
    .set({ purge_started_at: sql<Date>`'-infinity'` })
    .where('id', '=', purged)
    .execute()
  await eventually(async () => {
    const row = moments.db.selectFrom('moment').select('purged_at').where('id', '=', purged)
    expect((await row.executeTakeFirstOrThrow()).purged_at).not.toBeNull()
  })
  expect(await republish()).toContain('213 states of moments.moment')
  const published = await eventually(async () => {
    const found = await snapshots()
    expect(found.size).toBe(213)
    return found
  })
  expect(published.get(live)).toMatchObject({
    type: 'moments.moment.captured',
    entityversion: 1,
    data: { uuid: live, robotUUID: robotId, title: 'Tea', localTime: '12:20:30', media: [{ kind: 'image', bytes: 4 }] },
  })
  expect(published.get(deleted)).toMatchObject({
    type: 'moments.moment.deleted',
    entityversion: 2,
    data: { deletedAt: at.toISOString() },
  })
  expect(published.get(purged)).toMatchObject({
    type: 'moments.moment.purged',
    entityversion: 3,
    data: { uuid: purged, robotUUID: robotId, sourceId: purged, media: [], purgedAt: expect.any(String) },
  })
  for (const { actorid } of published.values()) expect(actorid).toBeUndefined()
})
