import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const AT = '2026-01-01T10:00:00.000Z'
const PLACES = /^\/internal\/participants\/([^/]+)$/
const ADMINISTERED = /^\/internal\/participants\/([^/]+)\/administered$/

/** Somebody's place in a group, and what of the group matters to it. */
interface Place {
  version: number
  isMuted?: boolean
  isAdmin?: boolean
}

interface Told {
  group: { version: number; state: { id: string } }
  participant: { version: number; state: { groupId: string; isAdmin: boolean } } | null
}

/** The internal routes of the groups service that this service asks, with answers of the test's choice. */
export class GroupsUpstream {
  /** The groups that it was asked about, question by question. */
  readonly asked: string[][] = []
  /** How often it was asked what somebody administers. */
  askedAdministered = 0
  /** Answers 500 to everything. */
  isBroken = false
  /** What happens before it answers. */
  meanwhile = async () => {}
  /** By `GROUP USER`. */
  readonly #places = new Map<string, Told>()
  readonly #server = createServer(async (req, res) => {
    await this.meanwhile()
    const url = new URL(req.url ?? '', 'http://groups')
    res.statusCode = this.isBroken ? 500 : 200
    res.setHeader('content-type', 'application/json')
    res.end(JSON.stringify(this.#answer(url)))
  })

  /** @returns its address */
  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async stop(): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve))
  }

  /** Tells what the groups service knows of somebody's place in a group; no event says so. */
  tell(
    groupId: string,
    userId: string,
    place: Place | null,
    { postRules = 'Everyone', groupType = 'Private', groupVersion = 1 } = {},
  ): void {
    const state = {
      id: groupId,
      name: 'Runners',
      description: 'We run.',
      shortName: 'runners',
      postRules,
      groupType,
      ownerId: randomUUID(),
      contentRevision: 1,
      createdAt: AT,
      updatedAt: AT,
    }
    const { version = 1, isAdmin = false, isMuted = false } = place ?? {}
    const participant = place && { version, state: { groupId, userId, isAdmin, isMuted, joinedAt: AT } }
    this.#places.set(`${groupId} ${userId}`, { group: { version: groupVersion, state }, participant })
  }

  /** Forgets what it was asked. */
  forget(): void {
    this.asked.length = 0
    this.askedAdministered = 0
  }

  #answer({ pathname, searchParams }: URL): unknown {
    const [, administrator] = ADMINISTERED.exec(pathname) ?? []
    if (administrator) return this.#administered(administrator, searchParams)
    const [, userId] = PLACES.exec(pathname) ?? []
    const groupIds = searchParams.get('groupIds')?.split(',') ?? []
    this.asked.push(groupIds)
    return groupIds.flatMap((groupId) => this.#places.get(`${groupId} ${userId}`) ?? [])
  }

  #administered(userId: string, query: URLSearchParams): unknown {
    this.askedAdministered++
    return [...this.#places]
      .flatMap(([key, { participant }]) => (key.endsWith(userId) && participant?.state.isAdmin ? [participant] : []))
      .map(({ version, state: { groupId } }) => ({ groupId, version }))
      .toSorted((a, b) => (a.groupId < b.groupId ? -1 : 1))
      .filter(({ groupId }) => groupId > (query.get('after') ?? ''))
      .slice(0, Number(query.get('limit') ?? 1_000))
  }
}
