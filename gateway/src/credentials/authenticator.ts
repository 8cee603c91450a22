import { hash, timingSafeEqual } from 'node:crypto'
import type { Caller } from '@platform/http/assertion.ts'
import { hashSecret, readKeyId } from '../api-keys/key-format.ts'
import type { LastUsed } from '../api-keys/last-used.ts'
import { callerOfKey, rolesOfAccount } from '../api-keys/scopes.ts'
import type { Db } from '../db/schema.ts'
import { type AccessTokens, invalidToken, readTokenHead } from '../tokens/access-tokens.ts'
import { type Credential, unauthorized } from './credential.ts'
import type { ExternalIssuers } from './external-issuers.ts'
import type { Verdict, Verdicts } from './verdicts.ts'

export interface AuthenticatorOptions {
  db: Db
  verdicts: Verdicts
  tokens: AccessTokens
  issuers: ExternalIssuers
  lastUsed: LastUsed
  clock: () => Date
}

/** Finds out who a credential belongs to: from memory where that is safe, else from its signature and the database. */
export class Authenticator {
  readonly #options: AuthenticatorOptions
  /** When the credential behind a caller ends; a key that it makes must not outlive it. */
  readonly #expiries = new WeakMap<Caller, Date>()

  constructor(options: AuthenticatorOptions) {
    this.#options = options
  }

  /**
   * Answers at once where the verdict is known, so that the way most requests go does without a promise.
   *
   * @throws DomainError `unauthorized` — or the promise rejects with it, or with a fault of the database
   */
  authenticate(credential: Credential): Verdict | Promise<Verdict> {
    const { verdicts, lastUsed } = this.#options
    const fingerprint = hash('sha256', credential.text, 'base64')
    const known = verdicts.find(fingerprint)
    if (!known) return this.#findOut(credential, fingerprint)
    if (known.limit.by === 'key') lastUsed.note(known.limit.id)
    return known
  }

  /** Until when the API key that stands behind this caller is good; undefined where there is no such end. */
  keyExpiryOf(caller: Caller): Date | undefined {
    return this.#expiries.get(caller)
  }

  async #findOut(credential: Credential, fingerprint: string): Promise<Verdict> {
    const { verdicts, lastUsed } = this.#options
    // A text that is no credential at all costs no memory and no query.
    if (credential.kind === 'key') {
      const id = readKeyId(credential.text)
      if (id === undefined) throw unauthorized('The API key is not valid.')
      const verdict = await verdicts.resolve(fingerprint, () => this.#checkKey(credential.text, id))
      lastUsed.note(id)
      return verdict
    }
    const head = readTokenHead(credential.text)
    return verdicts.resolve(fingerprint, () =>
      head.issuer === this.#options.tokens.issuer
        ? this.#checkOwnToken(credential.text)
        : this.#options.issuers.verify(credential.text, head),
    )
  }

  async #checkKey(key: string, id: string): Promise<Verdict> {
    const row = await this.#options.db
      .selectFrom('api_key')
      .innerJoin('account', 'account.id', 'api_key.account_id')
      .select(['account_id', 'role', 'hash', 'previous_hash', 'previous_until', 'scopes', 'expires_at'])
      .where('api_key.id', '=', id)
      .where('deleted_at', 'is', null)
      .executeTakeFirst()
    const given = hashSecret(key)
    const isCurrent = row !== undefined && timingSafeEqual(row.hash, given)
    const isPrevious = !isCurrent && row?.previous_hash != null && timingSafeEqual(row.previous_hash, given)
    if (!row || !(isCurrent || isPrevious)) throw unauthorized('The API key is not valid.')
    const expiresAt = earlier(row.expires_at, isPrevious ? row.previous_until : null)
    if (expiresAt && expiresAt <= this.#options.clock()) throw unauthorized('The API key has expired.')
    const caller = callerOfKey(row.account_id, row.role, row.scopes)
    if (expiresAt) this.#expiries.set(caller, expiresAt)
    const restsOn = [`key:${id}`, `account:${row.account_id}`]
    return { caller, limit: { by: 'key', id }, expiresAt, restsOn }
  }

  async #checkOwnToken(text: string): Promise<Verdict> {
    const { tokens, db } = this.#options
    const token = await tokens.verify(text, readTokenHead(text))
    const session = await db
      .selectFrom('session')
      .innerJoin('account', 'account.id', 'session.account_id')
      .select(['role'])
      .where('session.id', '=', token.sessionId)
      .where('account.id', '=', token.userId)
      .where('revoked_at', 'is', null)
      .where('deleted_at', 'is', null)
      .executeTakeFirst()
    if (!session) throw invalidToken()
    // A role that was taken away since is gone at once; one that was given comes with the next token.
    const roles = rolesOfAccount(session.role).filter((role) => token.roles.includes(role))
    return {
      caller: { userId: token.userId, roles },
      limit: { by: 'user', id: token.userId },
      expiresAt: token.expiresAt,
      restsOn: [`session:${token.sessionId}`, `account:${token.userId}`],
    }
  }
}

function earlier(a: Date | null, b: Date | null): Date | null {
  if (!a || !b) return a ?? b
  return a < b ? a : b
}
