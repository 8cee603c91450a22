import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DEVELOPMENT_SECRET } from '@platform/config/env.ts'
import type { GroupState } from '@platform/contracts/groups.ts'
import { ASSERTION_HEADER, Assertions } from '@platform/http/assertion.ts'

/** The one internal route of the groups service that moderation asks, with answers of the test's choice. */
export interface GroupsUpstream {
  url: string
  /** What it knows: an entity's version and state, by its id. */
  groups: Map<string, { version: number; state: GroupState }>
  /** The ids that it was asked for. */
  asked: string[]
  /** Holds its answers back until this resolves. */
  gate: Promise<void>
  /** Whether it answers 500 to everything. */
  isBroken: boolean
  stop(): Promise<void>
}

/** Like the real one it answers nobody without an internal assertion for exactly this request. */
export async function startGroupsUpstream(): Promise<GroupsUpstream> {
  const assertions = new Assertions(DEVELOPMENT_SECRET)
  const server = createServer(async (req, res) => {
    const { method = '', url: path = '', headers } = req
    const request = { method, path, requestId: String(headers['x-request-id']) }
    const isTrusted = assertions.verify(String(headers[ASSERTION_HEADER]), request, 'internal') !== undefined
    const id = path.split('/').at(-1) ?? ''
    upstream.asked.push(id)
    await upstream.gate
    const known = upstream.groups.get(id)
    res.statusCode = !isTrusted ? 401 : upstream.isBroken ? 500 : known ? 200 : 404
    res.setHeader('content-type', 'application/json')
    res.end(JSON.stringify(known ?? {}))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const upstream: GroupsUpstream = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    groups: new Map(),
    asked: [],
    gate: Promise.resolve(),
    isBroken: false,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  }
  return upstream
}
