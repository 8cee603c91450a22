import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { openSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { guardChild } from '@platform/local/guard.ts'
import { freePort } from '@platform/local/ports.ts'
import { ROOT } from '@platform/platform/paths.ts'
import { request } from 'undici'
import { type Goal, quantile, type Row, report } from './report.ts'
import { startBenchDatabase } from './surroundings.ts'

/**
 * What the gateway costs: a GET through it with a token, and with an API key, beside the same GET through a bare
 * http-proxy-middleware, in front of one service that answers at once. Everything is a process of its own; the rounds
 * alternate and are short, and each is compared with its neighbour, so that whatever else the machine does falls on all of
 * them; the medians of that count.
 */

const BARE = 'bare http-proxy-middleware'
const ROUNDS = 24
const ROUND_SECONDS = 1
const WARM_UP_SECONDS = 8
const CONNECTIONS = 32
const SECRET = 'a-secret-of-the-benchmark-0123456789abcdef'

interface Way {
  name: string
  url: string
  header?: string
}

interface Round {
  perSecond: number
  p99Ms: number
  errors: number
}

const children: ChildProcess[] = []
const nowhere = openSync('/dev/null', 'w')

async function start(file: string, env: Record<string, string>, path: string): Promise<string> {
  const port = await freePort()
  const child = spawn(process.execPath, [join(ROOT, file)], {
    env: { PATH: process.env.PATH, ...env, PORT: String(port) },
    stdio: ['ignore', nowhere, 'inherit'],
  })
  guardChild(child, 'SIGTERM')
  children.push(child)
  const url = `http://127.0.0.1:${port}`
  for (let tries = 0; ; tries++) {
    try {
      const { body } = await request(url + path)
      await body.dump()
      return url
    } catch (error) {
      if (tries === 200) throw error
      await sleep(50)
    }
  }
}

async function post<T>(url: string, body: unknown): Promise<T> {
  const answer = await request(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return (await answer.body.json()) as T
}

const autocannon = createRequire(import.meta.url).resolve('autocannon/autocannon.js')

async function load({ url, header }: Way, seconds: number): Promise<Round> {
  const options = ['--json', '--no-progress', '--connections', String(CONNECTIONS), '--duration', String(seconds)]
  const headers = header === undefined ? [] : ['--headers', header]
  const { stdout } = await promisify(execFile)(process.execPath, [
    autocannon,
    ...options,
    ...headers,
    `${url}/groups/1`,
  ])
  const result = JSON.parse(stdout)
  const errors = result.errors + result.timeouts + result.non2xx
  return { perSecond: result.requests.average, p99Ms: result.latency.p99, errors }
}

const database = await startBenchDatabase()
try {
  const upstream = await start('infra/bench/src/gateway/upstream.ts', {}, '/')
  const bare = await start('infra/bench/src/gateway/bare-proxy.ts', { TARGET: upstream }, '/')
  const onExpress = await start('infra/bench/src/gateway/bare-proxy.ts', { TARGET: upstream, EXPRESS: '1' }, '/')
  const limit = '1000000000'
  const gateway = await start(
    'gateway/src/main.ts',
    {
      NODE_ENV: 'production',
      DATABASE_URL: database.urlFor('gateway'),
      ASSERTION_SECRET: SECRET,
      KEY_ENCRYPTION_SECRET: SECRET,
      RATE_LIMIT_ADDRESS: limit,
      RATE_LIMIT_USER: limit,
      RATE_LIMIT_KEY: limit,
      GROUPS_URL: upstream,
    },
    '/readyz',
  )
  const login = { email: 'bench@example.com', password: 'a long enough one' }
  const { apiKey } = await post<{ apiKey: string }>(`${gateway}/accounts`, login)
  const { accessToken } = await post<{ accessToken: string }>(`${gateway}/auth/token`, login)

  const ways: Way[] = [
    { name: BARE, url: bare },
    { name: 'the same on Express', url: onExpress },
    { name: 'gateway with a token', url: gateway, header: `Authorization=Bearer ${accessToken}` },
    { name: 'gateway with a key', url: gateway, header: `X-API-Key=${apiKey}` },
  ]
  const rounds = new Map<string, Round[]>(ways.map(({ name }) => [name, []]))
  for (const way of ways) await load(way, WARM_UP_SECONDS)
  for (let round = 0; round < ROUNDS; round++) {
    // Each round begins with another one, so that none always follows the same.
    const order = [...ways.slice(round % ways.length), ...ways.slice(0, round % ways.length)]
    for (const way of order) rounds.get(way.name)?.push(await load(way, ROUND_SECONDS))
  }
  const all = (name: string, figure: keyof Round): number[] => rounds.get(name)?.map((one) => one[figure]) ?? []
  const median = (name: string, figure: keyof Round) => quantile(all(name, figure), 0.5)
  // Compared round by round: neighbours in time had the same machine.
  const ofBare = (name: string, figure: keyof Round) => {
    const bare = all(BARE, figure)
    const ratios = all(name, figure).map((value, round) => value / (bare[round] ?? Number.NaN))
    return Number(quantile(ratios, 0.5).toFixed(2))
  }
  const rows: Row[] = ways.map(({ name }) => ({
    way: name,
    'requests/s': Math.round(median(name, 'perSecond')),
    'of bare': ofBare(name, 'perSecond'),
    'p99 ms': median(name, 'p99Ms'),
    'p99 × bare': ofBare(name, 'p99Ms'),
    errors: all(name, 'errors').reduce((sum, errors) => sum + errors, 0),
  }))
  const goals: Goal[] = ways.slice(2).flatMap(({ name }) => [
    { what: `${name}, requests/s of bare`, reached: ofBare(name, 'perSecond'), wanted: { atLeast: 0.85 } },
    { what: `${name}, p99 × bare`, reached: ofBare(name, 'p99Ms'), wanted: { atMost: 1.3 } },
  ])
  report('gateway', rows, goals)
} finally {
  for (const child of children) child.kill('SIGTERM')
  await database.stop()
}
