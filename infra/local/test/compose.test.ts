import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { ROOT } from '@platform/platform/paths.ts'
import {
  addressVariable,
  GATEWAY_PRIVATE_URL,
  PROCESSES,
  passwordVariable,
  SCHEMAS,
} from '@platform/platform/registry.ts'
import { parse } from 'yaml'

interface ComposeService {
  build?: { target: string; args?: { SERVICE: string } }
  environment: Record<string, string | number>
  depends_on: Record<string, { condition: string }>
  ports?: string[]
}

const { services } = parse(readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8'), { merge: true }) as {
  services: Record<string, ComposeService>
}
const example = readFileSync(join(ROOT, '.env.example'), 'utf8')

const serviceNamed = (name: string): ComposeService => {
  const found = services[name]
  if (!found) throw new Error(`docker-compose.yml has no service ${name}.`)
  return found
}

/** The variables that a value takes from `.env`: `${NAME}` and `${NAME:?hint}`. */
const takenFrom = (value: string | number | undefined): string[] =>
  [...String(value).matchAll(/\$\{(\w+)/g)].map(([, name = '']) => name)

describe('docker-compose.yml', () => {
  it('has the processes of the registry and nothing else beside its servers and the migration job', () => {
    const servers = ['postgres', 'kafka', 'migrate']
    const processes = Object.keys(services).filter((name) => !servers.includes(name))
    expect(processes.sort()).toEqual(PROCESSES.map(({ name }) => name).sort())
  })

  it.each(PROCESSES.map((process) => [process.name, process] as const))(
    'gives %s its image, its own login, its secrets and the addresses of what it calls',
    (name, process) => {
      const { build, environment, depends_on } = serviceNamed(name)
      expect(build?.args?.SERVICE).toBe(process.folder)
      expect(environment.DATABASE_URL).toBe(`postgres://${name}:\${${passwordVariable(name)}}@postgres:5432/platform`)
      for (const variable of ['ASSERTION_SECRET', ...process.secrets.map(({ variable }) => variable)]) {
        expect(takenFrom(environment[variable])).toHaveLength(1)
      }
      for (const called of process.calls) {
        expect(environment[addressVariable(called)]).toBe(`http://${called}:8080`)
      }
      if (process.callsGateway) {
        expect(environment[GATEWAY_PRIVATE_URL]).toBe(
          `http://gateway:${serviceNamed('gateway').environment.METRICS_PORT}`,
        )
      }
      expect(depends_on.migrate?.condition).toBe('service_completed_successfully')
    },
  )

  it('gives the migration job the password of every role', () => {
    const { environment } = serviceNamed('migrate')
    for (const role of SCHEMAS) expect(takenFrom(environment[passwordVariable(role)])).toEqual([passwordVariable(role)])
  })

  it('publishes the port of the gateway alone', () => {
    const publishing = Object.entries(services).filter(([, { ports }]) => ports !== undefined)
    expect(publishing.map(([name]) => name)).toEqual(['gateway'])
  })

  it('takes from .env only names that .env.example has', () => {
    const names = new Set(
      Object.values(services).flatMap(({ environment }) => Object.values(environment ?? {}).flatMap(takenFrom)),
    )
    for (const name of names) expect(example).toMatch(new RegExp(`^#? ?${name}=`, 'm'))
  })
})
