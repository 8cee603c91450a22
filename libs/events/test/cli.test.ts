import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { migrate, migrateDown } from '@platform/db/migrate.ts'
import { eventually } from '@platform/testing/eventually.ts'
import type { Kysely } from 'kysely'
import { EmbeddedLog } from '../src/embedded-log.ts'
import { eventMigrations } from '../src/migrations.ts'
import { listParked } from '../src/parked.ts'
import { consume, envelope, thingModel } from './consumer-harness.ts'
import { quiet, startTestService, type TestService } from './harness.ts'

const CLI = fileURLToPath(new URL('../src/cli.ts', import.meta.url))

let service: TestService
beforeAll(async () => {
  service = await startTestService()
})
afterAll(() => service.close())

interface Ended {
  code: number
  stdout: string
  stderr: string
}

function events(args: string[], env: Record<string, string> = { DATABASE_URL: service.url }): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [CLI, ...args], { env: { PATH: process.env.PATH, ...env } }, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    )
  })
}

describe('the events command', () => {
  it('lists, shows, drops and replays what a service has parked', async () => {
    const log = new EmbeddedLog({ pool: service.pool, databaseUrl: service.url, log: quiet })
    let isRefusing = true
    const handlers = [
      thingModel(() => {
        if (isRefusing) throw new Error('not today')
      }),
    ]
    const consumer = consume(service, log, { name: 'things', handlers })
    await log.ensureTopics(['things.thing'])
    const value = (subject: string, entityversion: number) => ({
      topic: 'things.thing',
      key: subject,
      value: envelope({ subject, entityversion }),
    })
    await log.send([value('a', 1), value('a', 2), value('b', 1)])
    await eventually(async () => expect(await listParked(service.db)).toHaveLength(3))

    const list = await events(['parked', 'list', '--service', 'things'])
    expect(list).toMatchObject({ code: 0, stderr: '' })
    expect(list.stdout).toMatch(
      /things {2}things\.thing {2}a {2}things\.thing\.changed {2}failed {2}3 attempts.*not today/,
    )
    expect(list.stdout).toMatch(/ behind {2}0 attempts/)
    expect(list.stdout).toMatch(/^3 parked\.$/m)
    expect((await events(['parked', 'list', '--service', 'other'])).stdout).toBe('0 parked.\n')

    const [firstOfA, , ofB] = await listParked(service.db).then((all) => all.sort((x, y) => x.key.localeCompare(y.key)))
    const shown = await events(['parked', 'show', String(firstOfA?.id)])
    expect(JSON.parse(JSON.parse(shown.stdout).value)).toMatchObject({ subject: 'a', entityversion: 1 })

    expect(await events(['parked', 'drop', String(ofB?.id)])).toMatchObject({ code: 0 })
    isRefusing = false
    expect(await events(['parked', 'replay', String(firstOfA?.id)])).toMatchObject({ code: 0 })
    await eventually(async () => {
      expect((await service.effects()).map(({ subject, version }) => `${subject}${version}`)).toEqual(['a1', 'a2'])
    })
    expect((await events(['parked', 'replay', '--all', '--service', 'things'])).stdout).toContain('0 messages')
    await consumer.stop()
    await log.close()
  })

  it.each([
    [[], 'Usage'],
    [['parked'], 'Usage'],
    [['parked', 'drop'], 'An id is missing'],
    [['parked', 'drop', 'x; drop table outbox'], 'An id is missing'],
    [['parked', 'replay', '--all'], '--all needs --service'],
    [['parked', 'list', '--nonsense'], '--nonsense'],
    [['parked', 'show', '999999'], 'Nothing is parked under the id 999999'],
    [['republish'], 'A topic is missing'],
    [['republish', '../../etc.thing'], 'A topic is missing'],
  ])('says what is wrong with %j', async (args, text) => {
    const ended = await events(args)
    expect(ended.stderr).toContain(text)
    expect(ended.code).toBe(1)
  })

  it('needs to know the database', async () => {
    expect((await events(['parked', 'list'], {})).stderr).toContain('DATABASE_URL is missing')
  })
})

describe('the migrations', () => {
  it('go both ways', async () => {
    const db = service.db as Kysely<unknown>
    await migrateDown(db, [eventMigrations])
    expect(
      await service.asAdmin(`select from pg_tables where schemaname = $1 and tablename = 'outbox'`, [service.name]),
    ).toEqual([])
    expect(await migrate(db, [eventMigrations])).toHaveLength(1)
  })
})
