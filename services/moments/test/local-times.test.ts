import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { momentChanged } from '@platform/contracts/moments.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { onServer } from '@platform/testing/server.ts'
import { type MomentsPlatform, startMomentsPlatform } from './harness.ts'
import { deleteMoments } from './mutations.ts'

let moments: MomentsPlatform
beforeAll(async () => {
  moments = await startMomentsPlatform()
})
afterAll(() => moments.stop())

const CLI = join(import.meta.dirname, '../src/cli.ts')

/** Runs the command line of the service as a process. */
function run(
  ...args: string[]
): Promise<{ code: number; lines: { momentUUID: string; recomputed?: string }[]; said: string }> {
  const env = { ...process.env, DATABASE_URL: moments.platform.database.urlFor('moments'), NODE_ENV: 'test' }
  return new Promise((resolve) => {
    execFile(process.execPath, [CLI, ...args], { env }, (error, stdout, stderr) => {
      const lines = stdout.split('\n').filter((line) => line.startsWith('{'))
      resolve({
        code: error ? Number(error.code) : 0,
        lines: lines.map((line) => JSON.parse(line)),
        said: stderr,
      })
    })
  })
}

/** The events about moments, in no order. */
async function published(): Promise<{ type: string; subject: string }[]> {
  const rows = await onServer(moments.platform.database.adminUrl, async (client) => {
    const { rows } = await client.query<{ value: string }>('select value from event_log.record where topic = $1', [
      momentChanged.topic,
    ])
    return rows
  })
  return rows.map(({ value }) => JSON.parse(value))
}

describe('cli.ts local-times', () => {
  it('prints what differs from instant and zone, and sets it with --fix', async () => {
    const [robotId, person] = [await moments.robot(), moments.platform.person()]
    await moments.grant(robotId, person)
    const capturedAt = new Date('2026-05-01T10:20:30.500Z')
    const zone = { capturedAt, timeZone: 'Europe/Oslo' }
    const right = await moments.moment(robotId, { ...zone, localAt: '2026-05-01 12:20:30.5' })
    const wrong = await moments.moment(robotId, { ...zone, localAt: '2026-05-01 11:20:30.5' })
    const inTrash = await moments.moment(robotId, { ...zone, localAt: '2026-05-01 11:20:30.5' })
    await deleteMoments(moments.db, [inTrash])
    const unknown = await moments.moment(robotId, {
      capturedAt,
      timeZone: 'Mars/Olympus',
      localAt: '2026-05-01 10:20:30',
    })

    const found = await run('local-times')
    expect(found.lines.map(({ momentUUID }) => momentUUID).toSorted()).toEqual([wrong, inTrash, unknown].toSorted())
    expect(found.lines.find(({ momentUUID }) => momentUUID === wrong)).toEqual({
      momentUUID: wrong,
      timeZone: 'Europe/Oslo',
      capturedAt: capturedAt.toISOString(),
      localTime: '2026-05-01 11:20:30.500',
      recomputed: '2026-05-01 12:20:30.500',
    })
    expect(found.code).toBe(1)

    // The unknown zone stays.
    expect((await run('local-times', '--fix')).code).toBe(1)
    expect((await run('local-times')).lines.map(({ momentUUID }) => momentUUID)).toEqual([unknown])
    const rows = await moments.db.selectFrom('moment').selectAll().where('id', 'in', [right, wrong, inTrash]).execute()
    const states = rows.map(({ id, local_at, local_hour, version, last_change }) => [
      id,
      local_at,
      local_hour,
      version,
      last_change,
    ])
    expect(states).toEqual(
      expect.arrayContaining([
        [right, '2026-05-01 12:20:30.5', 12, 1, 'created'],
        [wrong, '2026-05-01 12:20:30.5', 12, 2, 'changed'],
        [inTrash, '2026-05-01 12:20:30.5', 12, 3, 'deleted'],
      ]),
    )
    await eventually(async () => {
      expect(await published()).toEqual([expect.objectContaining({ type: momentChanged.type, subject: wrong })])
    })

    await moments.db.deleteFrom('media').where('moment_id', '=', unknown).execute()
    await moments.db.deleteFrom('moment').where('id', '=', unknown).execute()
    expect(await run('local-times', '--fix')).toMatchObject({ code: 0, lines: [] })
  })

  it('explains itself when a command or a flag is unknown', async () => {
    for (const args of [[], ['toString'], ['local-times', '--force']]) {
      const { code, said } = await run(...args)
      expect([code, said]).toEqual([2, expect.stringContaining('local-times --fix')])
    }
  })
})
