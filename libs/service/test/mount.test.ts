import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { DEVELOPMENT_SECRET, readEnv } from '@platform/config/env.ts'
import { DomainError } from '@platform/http/errors.ts'
import { createLogger } from '@platform/log/logger.ts'
import { Client } from '@platform/testing/client.ts'
import { cloneDatabase, type TestDatabase } from '@platform/testing/database.ts'
import { ServiceCaller } from '@platform/testing/service-client.ts'
import { Type } from 'typebox'
import { type LibraryTables, type RunningService, startService } from '../src/service.ts'
import { CommonEnv } from '../src/settings.ts'

let database: TestDatabase
let service: RunningService
beforeAll(async () => {
  database = await cloneDatabase()
  service = await startService<LibraryTables>({
    // Its schema holds the tables of the libraries, and it takes no part in erasures.
    name: 'scheduler',
    settings: readEnv(
      { NODE_ENV: 'test', DATABASE_URL: database.urlFor('scheduler'), SHUTDOWN_GRACE_MS: '0' },
      Type.Object(CommonEnv),
    ),
    log: createLogger({ service: 'test', level: 'silent', format: 'json' }),
    onFatal: () => {},
    build: () => ({
      routes: [],
      mount: (app) => {
        app.put('/files/:name', async (req, res) => {
          if (req.params.name === 'refused') throw new DomainError('forbidden', 'Not this one.')
          const chunks: Buffer[] = []
          for await (const chunk of req) chunks.push(chunk)
          res.json({ isParsed: req.body !== undefined, text: Buffer.concat(chunks).toString() })
        })
      },
    }),
  })
})
afterAll(async () => {
  await service.stop()
  await database.drop()
})

describe('handlers that a service mounts', () => {
  it('get the body unread, JSON or not', async () => {
    const caller = new ServiceCaller(service.url, DEVELOPMENT_SECRET)
    for (const text of ['{"a":  1}', '{ no JSON']) {
      expect(await caller.put('/files/a', text)).toMatchObject({ status: 200, body: { isParsed: false, text } })
    }
  })

  it('are behind the check of the assertion', async () => {
    expect((await new Client(service.url).put('/files/a', '{}')).status).toBe(401)
  })

  it("refuse in the contract's form", async () => {
    const caller = new ServiceCaller(service.url, DEVELOPMENT_SECRET)
    const answer = await caller.put('/files/refused', '{}')
    expect([answer.status, answer.body.errors[0]?.message]).toEqual([403, 'Not this one.'])
  })
})
