import { createPublicKey } from 'node:crypto'
import { ROLES } from '@platform/http/assertion.ts'
import { DomainError } from '@platform/http/errors.ts'
import { OneOf } from '@platform/http/schemas.ts'
import { compileInput } from '@platform/http/validation.ts'
import { JwksClient, JwksRateLimitError, SigningKeyNotFoundError } from 'jwks-rsa'
import { type Static, Type } from 'typebox'
import { invalidToken, readIdentity, type TokenHead, verifyToken } from '../tokens/access-tokens.ts'
import type { Verdict } from './verdicts.ts'

/** Somebody else whose tokens are accepted, with public-key algorithms only. */
const ExternalIssuer = Type.Object({
  /** Exactly as in the tokens' `iss`. */
  issuer: Type.String({ minLength: 1 }),
  jwksUri: Type.String({ pattern: '^https?://' }),
  audience: Type.String({ minLength: 1 }),
  algorithms: Type.Array(OneOf(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512']), {
    minItems: 1,
  }),
  /** The claim with roles. */
  rolesClaim: Type.String({ minLength: 1, default: 'roles' }),
  /** The roles that it may give. */
  roles: Type.Array(OneOf([...ROLES]), { default: [...ROLES] }),
})
export type ExternalIssuer = Static<typeof ExternalIssuer>

const checkIssuers = compileInput(Type.Array(ExternalIssuer), 'body')
const FETCH_MS = 3_000

/** Reads JWT_ISSUERS. @throws Error when it is not a list of issuers */
export function parseIssuers(json: string): ExternalIssuer[] {
  try {
    return checkIssuers(JSON.parse(json))
  } catch (error) {
    const faults = error instanceof DomainError ? error.messages.join('; ') : 'it is not valid JSON'
    throw new Error(`JWT_ISSUERS cannot be used: ${faults}.`)
  }
}

/** Verifies tokens of configured issuers, by the keys that these publish. */
export class ExternalIssuers {
  readonly #issuers: Map<string, { issuer: ExternalIssuer; keys: JwksClient }>
  readonly #clock: () => Date

  constructor(issuers: ExternalIssuer[], clock: () => Date) {
    this.#clock = clock
    this.#issuers = new Map(
      issuers.map((issuer) => {
        const keys = new JwksClient({
          jwksUri: issuer.jwksUri,
          cache: true,
          cacheMaxEntries: 20,
          cacheMaxAge: 600_000,
          rateLimit: true,
          jwksRequestsPerMinute: 20,
          timeout: FETCH_MS,
        })
        return [issuer.issuer, { issuer, keys }]
      }),
    )
  }

  /** @throws DomainError `unauthorized`, or `unavailable` while the issuer's keys cannot be had */
  async verify(token: string, head: TokenHead): Promise<Verdict> {
    const known = this.#issuers.get(head.issuer)
    const algorithm = known?.issuer.algorithms.find((name) => name === head.alg)
    if (!known || !algorithm) throw invalidToken()
    const key = createPublicKey(await publicKeyOf(known.keys, head.kid))
    const { issuer, audience, rolesClaim } = known.issuer
    const claims = verifyToken(token, key, { algorithms: [algorithm], issuer, audience }, this.#clock())
    const { userId, roles: given, expiresAt } = readIdentity(claims, rolesClaim)
    const roles = given.filter((role) => role === 'user' || known.issuer.roles.includes(role))
    return { caller: { userId, roles }, limit: { by: 'user', id: userId }, expiresAt, restsOn: [] }
  }
}

async function publicKeyOf(keys: JwksClient, kid: string): Promise<string> {
  try {
    return (await keys.getSigningKey(kid)).getPublicKey()
  } catch (error) {
    if (error instanceof SigningKeyNotFoundError || error instanceof JwksRateLimitError) throw invalidToken()
    throw new DomainError('unavailable', "The issuer's keys cannot be had at the moment.", {
      headers: { 'Retry-After': '5' },
      cause: error,
    })
  }
}
