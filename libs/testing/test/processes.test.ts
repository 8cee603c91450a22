import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { cloneDatabase, type TestDatabase } from '../src/database.ts'
import { startProcesses, type TestProcesses } from '../src/processes.ts'

let database: TestDatabase
let processes: TestProcesses
beforeAll(async () => {
  database = await cloneDatabase()
  processes = await startProcesses({ database, env: { all: { LOG_LEVEL: 'info' } } })
})
afterAll(async () => {
  await processes?.stop()
  await database.drop()
})

const health = async (name: string) => (await fetch(`${processes.get(name).url}/healthz`)).status

describe('startProcesses', () => {
  it('runs each process on its own, reachable and with its lines kept', async () => {
    const names = ['groups', 'moderation', 'gateway']
    expect(await Promise.all(names.map(health))).toEqual([200, 200, 200])
    expect(new Set(names.map((name) => processes.get(name).pid())).size).toBe(3)
    expect(processes.get('groups').lines.map((line) => JSON.parse(line).message)).toContain('listening')
  })

  it('kills one and starts it again at the same address, while the others stay', async () => {
    const groups = processes.get('groups')
    const [before, gateway] = [groups.pid(), processes.get('gateway').pid()]
    await groups.kill()
    await expect(health('groups')).rejects.toThrow('fetch failed')
    expect(await health('gateway')).toBe(200)
    await groups.restart()
    expect(await health('groups')).toBe(200)
    expect(groups.pid()).not.toBe(before)
    expect(processes.get('gateway').pid()).toBe(gateway)
  })
})
