import { createHmac, createSecretKey, type Hmac, type KeyObject, timingSafeEqual } from 'node:crypto'

/** What a person or a program may be: `user` is everybody; `service` is a key with a scope for programs. */
export const ROLES = ['user', 'moderator', 'admin', 'service'] as const
export type Role = (typeof ROLES)[number]

/** Who a request is made for. */
export interface Caller {
  /** UUID, lower case. */
  userId: string
  roles: Role[]
  /** What the credential is limited to; absent: everything that the roles may. */
  scopes?: string[]
  /** When the gateway vouched for the request, by its clock; absent where the caller did not come through it. */
  vouchedAt?: Date
}

/** The caller of a request that needs no credential. It has no rights: a route for one must check something else. */
export const ANONYMOUS_CALLER: Caller = { userId: '00000000-0000-0000-0000-000000000000', roles: [] }

/** What one request is vouched for: nothing else may be done with the assertion. */
export interface AssertedRequest {
  method: string
  /** Path with query, exactly as the service receives it. */
  path: string
  requestId: string
}

/** Who signs: the gateway for the public routes, a service for the internal ones. */
export type Issuer = 'gateway' | 'internal'

export const ASSERTION_HEADER = 'x-gateway-assertion'
export const USER_ID_HEADER = 'x-current-user-id'
/** Long enough for a slow hop and a clock that is a little off, too short to be of use to a thief. */
const LIFETIME_MS = 30_000

interface Payload {
  iss: Issuer
  sub: string
  roles: Role[]
  scopes?: string[]
  m: string
  p: string
  rid: string
  /** Unix time in ms. */
  exp: number
}

/** Signs and verifies the assertions that services trust, with HMAC-SHA-256 over a secret that all of them share. */
export class Assertions {
  readonly #signing: KeyObject
  readonly #verifying: KeyObject[]
  readonly #now: () => number

  /**
   * @param secret one or more, separated by commas: the first signs, all verify, so that it can be changed while
   *   everything runs
   */
  constructor(secret: string, now: () => number = Date.now) {
    const secrets = secret.split(',').map((part) => part.trim())
    const [first, ...more] = secrets.map((part) => createSecretKey(part, 'utf8'))
    if (!first || secrets.some((part) => part.length < 32)) {
      throw new Error('ASSERTION_SECRET needs 32 characters or more.')
    }
    this.#signing = first
    this.#verifying = [first, ...more]
    this.#now = now
  }

  sign(caller: Caller, request: AssertedRequest, issuer: Issuer): string {
    const payload: Payload = {
      iss: issuer,
      sub: caller.userId,
      roles: caller.roles,
      scopes: caller.scopes,
      m: request.method,
      p: request.path,
      rid: request.requestId,
      exp: this.#now() + LIFETIME_MS,
    }
    const text = Buffer.from(JSON.stringify(payload)).toString('base64url')
    return `${text}.${hmac(text, this.#signing).digest('base64url')}`
  }

  /** @returns the caller, or undefined when the assertion is not for exactly this request, not ours, or too old */
  verify(assertion: string, request: AssertedRequest, issuer: Issuer): Caller | undefined {
    const [text, signature, ...more] = assertion.split('.')
    if (!text || !signature || more.length > 0) return undefined
    const given = Buffer.from(signature, 'base64url')
    const isOurs = this.#verifying.some((key) => {
      const expected = hmac(text, key).digest()
      return given.length === expected.length && timingSafeEqual(given, expected)
    })
    if (!isOurs) return undefined
    const payload: Payload = JSON.parse(Buffer.from(text, 'base64url').toString())
    const isForThis =
      payload.iss === issuer &&
      payload.m === request.method &&
      payload.p === request.path &&
      payload.rid === request.requestId
    if (!isForThis || payload.exp < this.#now()) return undefined
    const vouchedAt = new Date(payload.exp - LIFETIME_MS)
    return { userId: payload.sub, roles: payload.roles, scopes: payload.scopes, vouchedAt }
  }
}

function hmac(text: string, key: KeyObject): Hmac {
  return createHmac('sha256', key).update(text)
}
