import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type Person, type Platform, startPlatform } from '@platform/testing/platform.ts'
import { type Capture, planCaptures } from '../src/robot/captures.ts'
import { lossyNetwork } from '../src/robot/lossy-network.ts'
import { type MomentAction, Robot } from '../src/robot/robot.ts'

interface Page {
  total: number
  data: {
    uuid: string
    timeZone: string
    localTime: string
    media: { kind: string; uri: string; contentType: string }[]
  }[]
}

let platform: Platform
let owner: Person
let service: Person

beforeAll(async () => {
  platform = await startPlatform({ services: ['moments'] })
  owner = platform.person()
  service = platform.person({ roles: ['service'] })
})
afterAll(() => platform.stop())

const plan = (robotId: string): Capture[] =>
  planCaptures({
    until: new Date(),
    days: 4,
    perDay: 2,
    name: robotId,
    stays: [
      { timeZone: 'America/New_York', fromDay: 4 },
      { timeZone: 'Europe/Oslo', fromDay: 1 },
    ],
  })

describe('the simulated robot', () => {
  it('uploads each capture once although its network breaks off, and adds nothing when it sends all of them again', async () => {
    const robotId = randomUUID()
    const basics = { url: platform.url, credential: service.credential() }
    const captures = plan(robotId)
    const lost: string[] = []
    const news: boolean[] = []
    const robot = new Robot({
      ...basics,
      robotId,
      send: lossyNetwork(4),
      onLost: (what) => lost.push(what),
      onUploaded: (_, isNew) => news.push(isNew),
    })
    await robot.grant(owner.id, 'owner')
    await robot.upload(captures)
    expect(lost.length).toBeGreaterThan(0)
    await new Robot({ ...basics, robotId, onUploaded: (_, isNew) => news.push(isNew) }).upload(captures)
    expect(news.slice(captures.length)).toEqual(captures.map(() => false))

    const { body } = await owner.get<Page>('/moments?limit=100')
    expect(body.total).toBe(captures.length)
    expect(new Set(body.data.map(({ timeZone }) => timeZone))).toEqual(new Set(['America/New_York', 'Europe/Oslo']))
    for (const { media } of body.data) {
      expect(media.map(({ kind }) => kind)).toEqual(['image', 'thumbnail', 'audio', 'metadata'])
    }
    const [image] = body.data[0]?.media ?? []
    const picture = await fetch(image?.uri ?? '')
    expect([picture.status, picture.headers.get('content-type')]).toEqual([200, 'image/jpeg'])
  })

  it('reads what users did with its moments, page by page', async () => {
    const robotId = randomUUID()
    const basics = { url: platform.url, credential: service.credential() }
    const robot = new Robot({ ...basics, robotId })
    await robot.grant(owner.id, 'owner')
    await robot.upload(plan(robotId).slice(0, 1))
    const { body } = await owner.get<Page>(`/moments?filter[robotUUID]=${robotId}`)
    const id = body.data[0]?.uuid ?? ''
    // More than two pages of a hundred.
    for (let i = 0; i < 205; i++) await owner.put(`/moments/${id}/feedback`, { feedback: i % 2 === 0 ? 1 : -1 })
    const actions: MomentAction[] = []
    for await (const action of robot.actions()) actions.push(action)
    expect(actions.map(({ action }) => action)).toEqual(
      Array.from({ length: 205 }, (_, i) => (i % 2 === 0 ? 'like' : 'dislike')),
    )
  })
})
