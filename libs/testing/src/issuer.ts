import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Role } from '@platform/http/assertion.ts'
import jwt from 'jsonwebtoken'
import { Client } from './client.ts'

/** Somebody who uses the API through the gateway. */
export class Person extends Client {
  /** Their user id. */
  readonly id: string

  constructor(url: string, id: string, token: () => string) {
    super(url, () => ({ authorization: `Bearer ${token()}` }))
    this.id = id
  }
}

/** Who a test's person is: a fresh id and no role beyond a user's, unless said. */
export interface PersonOptions {
  id?: string
  roles?: Role[]
}

/** An identity provider with one key: what the platform does not run itself, and trusts when it is told to. */
export async function startIssuer() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const keys = [{ ...publicKey.export({ format: 'jwk' }), kid: 'test', alg: 'ES256', use: 'sig' }]
  const server = createServer((_req, res) => res.end(JSON.stringify({ keys })))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const audience = 'platform-tests'
  const token = (claims: Record<string, unknown>): string =>
    jwt.sign(claims, privateKey, { algorithm: 'ES256', keyid: 'test', issuer, audience, expiresIn: '1h' })
  return {
    /** For JWT_ISSUERS. */
    setting: JSON.stringify([{ issuer, jwksUri: `${issuer}/jwks.json`, audience, algorithms: ['ES256'] }]),
    token,
    /** @param url of the gateway */
    person: (url: string, { id = randomUUID(), roles = [] }: PersonOptions = {}): Person => {
      const bearer = token({ sub: id, roles })
      return new Person(url, id, () => bearer)
    },
    stop: () => new Promise<void>((resolve) => server.close(() => resolve())),
  }
}
