import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { DEVELOPMENT_SECRET } from '@platform/config/env.ts'
import type { Database } from '@platform/db/database.ts'
import { createLogger } from '@platform/log/logger.ts'
import type { RunningService } from '@platform/service/service.ts'
import { cloneDatabase, type TestDatabase } from '@platform/testing/database.ts'
import { ServiceCaller } from '@platform/testing/service-client.ts'
import type { SocialTables } from '../src/db/schema.ts'
import { start } from '../src/service.ts'
import { openSocial } from './database.ts'

/** What the groups service would answer, by path; its absence is a 404. */
const answers = new Map<string, object>()
const asked: string[] = []
let isBroken = false

const upstream = createServer((req, res) => {
  asked.push(req.url ?? '')
  const answer = answers.get(req.url ?? '')
  res.statusCode = isBroken ? 500 : answer ? 200 : 404
  res.setHeader('content-type', 'application/json')
  res.end(JSON.stringify(answer ?? {}))
})

let database: TestDatabase
let social: Database<SocialTables>
let service: RunningService
beforeAll(async () => {
  database = await cloneDatabase()
  social = openSocial(database)
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
  const { port } = upstream.address() as AddressInfo
  const log = createLogger({ service: 'test', level: 'silent', format: 'pretty' })
  service = await start({
    env: { NODE_ENV: 'test', DATABASE_URL: database.urlFor('social'), GROUPS_URL: `http://127.0.0.1:${port}` },
    log,
    onFatal: () => {},
  })
})
afterAll(async () => {
  await service.stop()
  await new Promise((resolve) => upstream.close(resolve))
  await social.close()
  await database.drop()
})

const person = () => new ServiceCaller(service.url, DEVELOPMENT_SECRET)
const AT = '2026-01-01T10:00:00.000Z'

/** Tells what the groups service knows of somebody's place in a group; no event says so. */
function tell(groupId: string, userId: string, participant: { version: number; isMuted?: boolean } | null): void {
  const state = {
    id: groupId,
    name: 'Runners',
    description: 'We run.',
    shortName: 'runners',
    postRules: 'Everyone',
    groupType: 'Private',
    ownerId: randomUUID(),
    contentRevision: 1,
    createdAt: AT,
    updatedAt: AT,
  }
  answers.set(`/internal/groups/${groupId}/participants/${userId}`, {
    group: { version: 1, state },
    participant: participant && {
      version: participant.version,
      state: { groupId, userId, isAdmin: false, isMuted: participant.isMuted ?? false, joinedAt: AT },
    },
  })
}

describe('a refusal because of the copy', () => {
  it('is confirmed at the groups service, whose answer is kept', async () => {
    const [groupId, ana] = [randomUUID(), person()]
    const path = `/groups/${groupId}/posts`
    expect((await ana.post(path, { text: 'x' })).status).toBe(404)
    tell(groupId, ana.id, null)
    expect((await ana.post(path, { text: 'x' })).status).toBe(404)
    tell(groupId, ana.id, { version: 1 })
    expect((await ana.post(path, { text: 'x' })).status).toBe(201)
    const questions = asked.length
    expect((await ana.post(path, { text: 'x' })).status).toBe(201)
    expect((await ana.get(`/groups/${groupId}/feed`)).status).toBe(200)
    expect(asked).toHaveLength(questions)
  })

  it('is 503 when the groups service does not answer, and nothing was done', async () => {
    const [groupId, ana] = [randomUUID(), person()]
    tell(groupId, ana.id, { version: 1 })
    isBroken = true
    const answer = await ana.post(`/groups/${groupId}/posts`, { text: 'x' })
    isBroken = false
    expect(answer.status).toBe(503)
    expect((await ana.post(`/groups/${groupId}/posts`, { text: 'x' })).status).toBe(201)
    const { body } = await ana.get<{ total: number }>(`/groups/${groupId}/feed`)
    expect(body.total).toBe(1)
  })

  it('never puts an older answer over a newer copy', async () => {
    const [groupId, ana] = [randomUUID(), person()]
    tell(groupId, ana.id, { version: 3, isMuted: true })
    expect((await ana.post(`/groups/${groupId}/posts`, { text: 'x' })).status).toBe(403)
    tell(groupId, ana.id, { version: 2 })
    expect((await ana.post(`/groups/${groupId}/posts`, { text: 'x' })).status).toBe(403)
    tell(groupId, ana.id, { version: 4 })
    expect((await ana.post(`/groups/${groupId}/posts`, { text: 'x' })).status).toBe(201)
  })
})
