import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createLogger, type Logger } from '@platform/log/logger.ts'
import { Client } from '@platform/testing/client.ts'
import { cloneDatabase, type TestDatabase } from '@platform/testing/database.ts'
import { loadConfig } from '../src/config.ts'
import { type GatewayOptions, type RunningGateway, startGateway } from '../src/gateway.ts'

export const PASSWORD = 'correct horse battery'

/** A gateway, or several on one database, with a clock that the test moves. */
export interface GatewayUnderTest {
  url: string
  privateUrl: string
  database: TestDatabase
  nobody: Client
  clock: TestClock
  /** Lines of the access log and of the log. */
  lines: string[]
  /** Another replica, on the same database. */
  replica(env?: Record<string, string>): Promise<RunningGateway>
  signUp(options?: { role?: 'moderator' | 'admin'; timezone?: string }): Promise<Member>
  stop(): Promise<void>
}

/** Somebody with an account: by token, and by the key that came with signing up. */
export interface Member {
  id: string
  email: string
  apiKey: string
  accessToken: string
  refreshToken: string
  byToken: Client
  byKey: Client
}

export interface Tokens {
  accessToken: string
  tokenType: string
  expiresIn: number
  refreshToken: string
}

/** Real time, and what the test adds to it. */
export class TestClock {
  #offsetMs = 0
  readonly now = (): Date => new Date(Date.now() + this.#offsetMs)
  advance(ms: number): void {
    this.#offsetMs += ms
  }
}

const silent: Logger = createLogger({ service: 'test', level: 'silent', format: 'json' })

/** A logger that keeps its lines, as JSON and without redaction. */
export function keepingLogger(lines: string[]): Logger {
  const keep = (level: string) => (message: string, fields?: object) =>
    void lines.push(
      JSON.stringify({ level, message, ...fields }, (_, value) => (value instanceof Error ? value.stack : value)),
    )
  const log: Logger = {
    debug: keep('debug'),
    info: keep('info'),
    warn: keep('warn'),
    error: keep('error'),
    child: () => log,
  }
  return log
}

export const byToken = (url: string, token: string): Client =>
  new Client(url, () => ({ authorization: `Bearer ${token}` }))
export const byKey = (url: string, key: string): Client => new Client(url, () => ({ 'x-api-key': key }))

/** Starts a gateway on a database of its own. */
export async function startGatewayUnderTest(
  env: Record<string, string> = {},
  { findDestination }: Pick<GatewayOptions, 'findDestination'> = {},
): Promise<GatewayUnderTest> {
  const database = await cloneDatabase()
  const clock = new TestClock()
  const lines: string[] = []
  const running: RunningGateway[] = []
  const start = async (more: Record<string, string> = {}) => {
    const settings = loadConfig({
      NODE_ENV: 'test',
      DATABASE_URL: database.urlFor('gateway'),
      DATABASE_POOL_SIZE: '5',
      SHUTDOWN_GRACE_MS: '2000',
      ...env,
      ...more,
    })
    const log = process.env.TEST_LOG === '1' ? silent : keepingLogger(lines)
    const writeAccess = (text: string) => void lines.push(...text.trim().split('\n'))
    const gateway = await startGateway({
      settings,
      log,
      clock: clock.now,
      onFatal: (error) => lines.push(String(error)),
      writeAccess,
      findDestination,
    })
    running.push(gateway)
    return gateway
  }
  const { url, privateUrl } = await start()
  const nobody = new Client(url)
  const signUp: GatewayUnderTest['signUp'] = async ({ role, timezone } = {}) => {
    const email = `${randomUUID()}@example.com`
    const account = await nobody.post<{ id: string; apiKey: string }>('/accounts', {
      email,
      password: PASSWORD,
      timezone,
    })
    if (role) {
      const { setRole } = await import('../src/accounts/first-admin.ts')
      await withDb(database, (db) => setRole(db, email, role, clock.now()))
    }
    const tokens = await nobody.post<Tokens>('/auth/token', { email, password: PASSWORD })
    const { accessToken, refreshToken } = tokens.body
    const { id, apiKey } = account.body
    return {
      id,
      email,
      apiKey,
      accessToken,
      refreshToken,
      byToken: byToken(url, accessToken),
      byKey: byKey(url, apiKey),
    }
  }
  return {
    url,
    privateUrl,
    database,
    nobody,
    clock,
    lines,
    replica: start,
    signUp,
    stop: async () => {
      await Promise.all(running.map((gateway) => gateway.stop()))
      await database.drop()
    },
  }
}

/** The gateway's schema, with its own login. */
export async function withDb<T>(
  database: TestDatabase,
  work: (db: import('../src/db/schema.ts').Db) => Promise<T>,
): Promise<T> {
  const { openDatabase } = await import('@platform/db/database.ts')
  const opened = openDatabase<import('../src/db/schema.ts').GatewayTables>({
    url: database.urlFor('gateway'),
    applicationName: 'test',
    log: silent,
    poolSize: 1,
  })
  try {
    return await work(opened.db)
  } finally {
    await opened.close()
  }
}

/** What a service behind the gateway was asked. */
export interface Seen {
  method: string
  url: string
  headers: IncomingMessage['headers']
  rawHeaders: string[]
  body: string
}

export interface TestService {
  url: string
  /** Everything that came through, in order. */
  seen: Seen[]
  /** Connections that were opened to it. */
  connections: () => number
  stop(): Promise<void>
}

type Answerer = (seen: Seen, res: ServerResponse, req: IncomingMessage) => void

/** A small service: it notes what it is asked and answers 200 with that, or as the test says. */
export async function startTestService(answer: Answerer = answerSeen, port = 0): Promise<TestService> {
  const seen: Seen[] = []
  let connections = 0
  const server = createServer(async (req, res) => {
    const chunks: Buffer[] = []
    try {
      for await (const chunk of req) chunks.push(chunk)
    } catch {
      return
    }
    const body = Buffer.concat(chunks).toString()
    const { method = '', url = '', headers, rawHeaders } = req
    const one = { method, url, headers, rawHeaders, body }
    if (!url.startsWith('/readyz') && !url.startsWith('/internal')) seen.push(one)
    answer(one, res, req)
  })
  server.on('connection', () => connections++)
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    connections: () => connections,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function answerSeen(seen: Seen, res: ServerResponse): void {
  res.setHeader('Content-Type', 'application/json')
  res.end(JSON.stringify({ url: seen.url, method: seen.method, body: seen.body }))
}
