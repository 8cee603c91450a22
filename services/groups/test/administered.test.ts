import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { DEVELOPMENT_SECRET } from '@platform/config/env.ts'
import { type Database, openDatabase } from '@platform/db/database.ts'
import { createLogger } from '@platform/log/logger.ts'
import { type Person, type Platform, startPlatform } from '@platform/testing/platform.ts'
import { onServer } from '@platform/testing/server.ts'
import { ServiceCaller } from '@platform/testing/service-client.ts'
import { explainAll, mostReadBy } from '@platform/testing/statements.ts'
import type { GroupsTables } from '../src/db/schema.ts'
import type { Group } from '../src/groups/shapes.ts'
import { listAdministered } from '../src/participants/administered.ts'
import { newGroup } from './make-group.ts'

let platform: Platform
let groups: Database<GroupsTables>
let social: ServiceCaller
beforeAll(async () => {
  platform = await startPlatform({ services: ['moderation'] })
  groups = openDatabase<GroupsTables>({
    url: platform.database.urlFor('groups'),
    applicationName: 'test',
    log: createLogger({ service: 'test', level: 'silent', format: 'pretty' }),
    poolSize: 1,
    statementTimeoutMs: 60_000,
  })
  social = new ServiceCaller(platform.urls.groups ?? '', DEVELOPMENT_SECRET, {}, { issuer: 'internal' })
})
afterAll(async () => {
  await groups.close()
  await platform.stop()
})

interface Administered {
  groupId: string
  version: number
}

const create = async (owner: Person) => (await owner.post<Group>('/groups', newGroup())).body.id
const administered = async ({ id }: Person, query = '') =>
  (await social.get<Administered[]>(`/internal/participants/${id}/administered${query}`)).body

describe('GET /internal/participants/{userId}/administered', () => {
  it('names the groups that somebody administers now, with the version of their place', async () => {
    const [ana, ben] = [platform.person(), platform.person()]
    const [own, gone, followed, given, taken] = [
      await create(ana),
      await create(ana),
      await create(ben),
      await create(ben),
      await create(ben),
    ]
    await ana.delete(`/groups/${gone}`)
    for (const id of [followed, given, taken]) await ana.post(`/groups/${id}/follow`)
    for (const id of [given, taken]) await ben.post(`/groups/${id}/participants/${ana.id}/admin`)
    await ben.delete(`/groups/${taken}/participants/${ana.id}/admin`)
    const expected = [
      { groupId: own, version: 1 },
      { groupId: given, version: 2 },
    ].toSorted((a, b) => (a.groupId < b.groupId ? -1 : 1))
    expect(await administered(ana)).toEqual(expected)
    expect(await administered(ana, '?limit=1')).toEqual(expected.slice(0, 1))
    expect(await administered(ana, `?after=${expected[0]?.groupId}`)).toEqual(expected.slice(1))
    expect(await administered(ana, `?after=${expected[1]?.groupId}`)).toEqual([])
    expect(await administered(platform.person())).toEqual([])
  })

  it('is for other services only, in parts of 1,000 at most', async () => {
    const path = `/internal/participants/${randomUUID()}/administered`
    expect((await social.get(`${path}?limit=1001`)).status).toBe(400)
    const outside = new ServiceCaller(platform.urls.groups ?? '', DEVELOPMENT_SECRET)
    expect((await outside.get(path)).status).toBe(401)
  })

  it('does not read the groups that they only follow', async () => {
    const ana = platform.person()
    await onServer(platform.database.adminUrl, async (client) => {
      await client.query(
        `with made as (
          insert into groups."group" (id, name, description, short_name, post_rules, group_type, owner_id,
            participants_count, created_at, updated_at)
          select gen_random_uuid(), 'Runners', '', gen_random_uuid(), 'Everyone', 'Public', $2, 1, now(), now()
          from generate_series(1, 3000)
          returning id
        )
        insert into groups.participant (group_id, user_id, is_admin, joined_at)
        select id, $1, row_number() over () <= 5, now() from made`,
        [ana.id, randomUUID()],
      )
      await client.query('analyze groups.participant, groups."group"')
    })
    const explained = await explainAll(groups, (db) => listAdministered(db, { userId: ana.id, limit: 1_000 }))
    expect(explained.map(mostReadBy)).toEqual([5])
  })
})
