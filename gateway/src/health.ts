import type { ServiceName } from '@platform/platform/registry.ts'
import type { Express } from 'express'
import { request } from 'undici'

export interface HealthOptions {
  /** Whether the schema is the one that this code needs; rejects while the database is out of reach. */
  isMigrated: () => Promise<boolean>
  services: Partial<Record<ServiceName, string>>
}

const ASK_MS = 1_000
const FRESH_MS = 500

/**
 * `/healthz`: the process answers. `/readyz`: 200 when the gateway itself can serve, which its database decides; how
 * each service is stands beside it. One that is away must not take the way to the others with it.
 */
export function healthRoutes(app: Express, { isMigrated, services }: HealthOptions): void {
  let known: { at: number; states: Promise<Record<string, string>> } | undefined
  const states = (): Promise<Record<string, string>> => {
    if (!known || performance.now() - known.at > FRESH_MS) {
      known = { at: performance.now(), states: statesOf(services) }
    }
    return known.states
  }
  app.get('/healthz', (_req, res) => void res.json({ status: 'ok' }))
  app.get('/readyz', async (_req, res) => {
    const [own, others] = await Promise.all([ownState(isMigrated), states()])
    const isWhole = Object.values(others).every((state) => state === 'ready')
    res.status(own === 'ready' ? 200 : 503).json({ status: own, whole: isWhole && own === 'ready', services: others })
  })
}

async function ownState(isMigrated: () => Promise<boolean>): Promise<string> {
  try {
    return (await isMigrated()) ? 'ready' : 'migrations are missing'
  } catch {
    return 'the database does not answer'
  }
}

async function statesOf(services: HealthOptions['services']): Promise<Record<string, string>> {
  const states = Object.entries(services).map(async ([name, url]) => [name, await stateOf(url)])
  return Object.fromEntries(await Promise.all(states))
}

async function stateOf(url: string): Promise<string> {
  try {
    const { statusCode, body } = await request(`${url}/readyz`, { signal: AbortSignal.timeout(ASK_MS) })
    await body.dump()
    return statusCode === 200 ? 'ready' : 'not ready'
  } catch {
    return 'does not answer'
  }
}
