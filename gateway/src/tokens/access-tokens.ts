import { type KeyObject, randomUUID } from 'node:crypto'
import { ROLES, type Role } from '@platform/http/assertion.ts'
import { isUuid } from '@platform/http/schemas.ts'
import jwt from 'jsonwebtoken'
import { unauthorized } from '../credentials/credential.ts'
import { ACCESS_TOKEN_SECONDS, type SigningKeys } from './signing-keys.ts'

/** What a token of ours says, checked. */
export interface AccessToken {
  userId: string
  sessionId: string
  roles: Role[]
  expiresAt: Date
}

/** The part of a token that is read before anything is known about it. */
export interface TokenHead {
  alg: string
  kid: string
  issuer: string
}

const LEEWAY_SECONDS = 5

/** Signs and verifies the gateway's own access tokens: ES256, a quarter of an hour. */
export class AccessTokens {
  readonly issuer: string
  readonly #audience: string
  readonly #keys: SigningKeys
  readonly #clock: () => Date

  constructor(options: { issuer: string; audience: string; keys: SigningKeys; clock: () => Date }) {
    this.issuer = options.issuer
    this.#audience = options.audience
    this.#keys = options.keys
    this.#clock = options.clock
  }

  async sign(userId: string, roles: Role[], sessionId: string): Promise<string> {
    const { kid, privateKey } = await this.#keys.active()
    const now = Math.floor(this.#clock().getTime() / 1_000)
    const claims = { roles, sid: sessionId, iat: now, nbf: now, exp: now + ACCESS_TOKEN_SECONDS }
    return jwt.sign(claims, privateKey, {
      header: { alg: 'ES256', kid, typ: 'at+jwt' },
      issuer: this.issuer,
      audience: this.#audience,
      subject: userId,
      jwtid: randomUUID(),
    })
  }

  /** @throws DomainError `unauthorized` */
  async verify(token: string, head: TokenHead): Promise<AccessToken> {
    const key = head.alg === 'ES256' ? await this.#keys.find(head.kid) : undefined
    if (!key) throw invalidToken()
    const options = { algorithms: ['ES256' as const], issuer: this.issuer, audience: this.#audience }
    const claims = verifyToken(token, key, options, this.#clock())
    if (!isUuid(String(claims.sid))) throw invalidToken()
    return { ...readIdentity(claims, 'roles'), sessionId: String(claims.sid) }
  }
}

export const invalidToken = () => unauthorized('Invalid token', 'invalid_token')

/** Reads which key and issuer a token claims. @throws DomainError `unauthorized` for what is no token */
export function readTokenHead(token: string): TokenHead {
  const { header, payload } = decode(token)
  const issuer = typeof payload === 'object' ? payload.iss : undefined
  const { alg, kid } = header
  // `crit` names extensions that have to be understood, and we understand none.
  if (!isName(alg) || !isName(kid) || !isName(issuer) || 'crit' in header) throw invalidToken()
  return { alg, kid, issuer }
}

function decode(token: string): jwt.Jwt {
  try {
    const parts = jwt.decode(token, { complete: true })
    if (parts) return parts
  } catch {
    // Its payload is no JSON.
  }
  throw invalidToken()
}

const isName = (value: unknown): value is string => typeof value === 'string' && value !== '' && value.length <= 500

/**
 * Checks signature, algorithm, issuer, audience and times.
 *
 * @throws DomainError `unauthorized`
 */
export function verifyToken(
  token: string,
  key: KeyObject,
  options: { algorithms: jwt.Algorithm[]; issuer: string; audience: string },
  now: Date,
): jwt.JwtPayload {
  const times = { clockTimestamp: Math.floor(now.getTime() / 1_000), clockTolerance: LEEWAY_SECONDS }
  try {
    const claims = jwt.verify(token, key, { ...options, ...times })
    if (typeof claims === 'object' && typeof claims.exp === 'number') return claims
  } catch {
    // Which check it was is for nobody to know.
  }
  throw invalidToken()
}

/** Who the claims speak of: `sub` has to be a UUID, and unknown roles count for nothing. */
export function readIdentity(
  claims: jwt.JwtPayload,
  rolesClaim: string,
): { userId: string; roles: Role[]; expiresAt: Date } {
  if (typeof claims.sub !== 'string' || !isUuid(claims.sub)) throw invalidToken()
  const given: unknown = claims[rolesClaim]
  const named = new Set<unknown>(Array.isArray(given) ? given : [])
  const roles = ROLES.filter((role) => role === 'user' || named.has(role))
  return { userId: claims.sub.toLowerCase(), roles, expiresAt: new Date((claims.exp ?? 0) * 1_000) }
}
