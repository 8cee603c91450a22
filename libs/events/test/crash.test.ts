import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { eventually } from '@platform/testing/eventually.ts'
import { findKafkaBrokers } from '@platform/testing/kafka.ts'
import { listParked } from '../src/parked.ts'
import { startTestService, type TestService } from './harness.ts'
import { type TransportPlace, transportKinds } from './transports.ts'

const SCRIPT = fileURLToPath(new URL('./service-process.ts', import.meta.url))

describe.each(transportKinds(findKafkaBrokers()))('a service on $name', (kind) => {
  let service: TestService
  const running = new Set<ChildProcess>()
  beforeAll(async () => {
    service = await startTestService()
  })
  afterAll(async () => {
    for (const child of running) child.kill('SIGKILL')
    await service.close()
  })

  async function startProcess(place: TransportPlace): Promise<ChildProcess> {
    const child = spawn(process.execPath, [SCRIPT, JSON.stringify(place)], { stdio: ['ignore', 'pipe', 'inherit'] })
    running.add(child)
    await once(child.stdout, 'data')
    return child
  }

  it('loses nothing and does nothing twice when its processes are killed in the middle of it', async () => {
    const place = kind.place(service.url)
    const ids = Array.from({ length: 10 }, (_, index) => `thing-${index}`)
    let victims = [await startProcess(place), await startProcess(place)]
    let rounds = 0
    for (let kill = 0; kill < 3; kill++) {
      for (let turn = 0; turn < 40; turn++) {
        rounds++
        await Promise.all(ids.map((id) => service.change(id, String(rounds))))
        if (turn === 25) {
          const [first, ...others] = victims
          first?.kill('SIGKILL')
          victims = others
        }
      }
      victims.push(await startProcess(place))
    }
    const expected = Array.from({ length: rounds }, (_, index) => index + 1)
    await eventually(
      async () => {
        const effects = await service.effects()
        for (const id of ids) {
          expect(effects.filter(({ subject }) => subject === id).map(({ version }) => version)).toEqual(expected)
        }
      },
      { everyMs: 100 },
    )
    expect(await listParked(service.db)).toEqual([])
    expect(await service.db.selectFrom('outbox').selectAll().execute()).toEqual([])
  })
})
