import { randomUUID } from 'node:crypto'
import { ASSERTION_HEADER, Assertions, type Issuer, type Role, USER_ID_HEADER } from '@platform/http/assertion.ts'
import type { Dispatcher } from 'undici'
import { type Answer, Client } from './client.ts'

/** Whom the gateway would vouch for. */
export interface MadeUpCaller {
  /** Default: somebody new. */
  id?: string
  roles?: Role[]
  /** Default: no limit, as with a token. */
  scopes?: string[]
}

/**
 * Asks one service directly, as the gateway does: each request has its own signed assertion. The service itself holds
 * its answers against their definitions, outside of production, and answers 500 for one that does not fit.
 */
export class ServiceCaller extends Client {
  readonly id: string
  readonly #assertions: Assertions
  readonly #caller: Required<Pick<MadeUpCaller, 'id' | 'roles'>> & MadeUpCaller
  readonly #issuer: Issuer

  constructor(
    url: string,
    secret: string,
    { id = randomUUID(), roles = ['user'], scopes }: MadeUpCaller = {},
    { issuer = 'gateway', now = Date.now }: { issuer?: Issuer; now?: () => number } = {},
  ) {
    super(url)
    this.id = id
    this.#assertions = new Assertions(secret, now)
    this.#caller = { id, roles, scopes }
    this.#issuer = issuer
  }

  override async send<T>(
    method: Dispatcher.HttpMethod,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> {
    const requestId = randomUUID()
    const { id: userId, roles, scopes } = this.#caller
    const assertion = this.#assertions.sign({ userId, roles, scopes }, { method, path, requestId }, this.#issuer)
    return super.send<T>(method, path, body, {
      [ASSERTION_HEADER]: assertion,
      [USER_ID_HEADER]: userId,
      'x-request-id': requestId,
      ...headers,
    })
  }
}
