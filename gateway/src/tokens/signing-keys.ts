import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto'
import type { Seal } from '@platform/seal/seal.ts'
import { sql } from 'kysely'
import { announce } from '../credentials/invalidation.ts'
import type { Db, Tx } from '../db/schema.ts'

/** How long an access token is good for. */
export const ACCESS_TOKEN_SECONDS = 900
/** A retired key stays until the last token that it signed has expired, clocks being a little off. */
const RETIRED_FOR_MS = (ACCESS_TOKEN_SECONDS + 60) * 1_000
const LOCK = 7_233_201

/** A public key, as it is published. */
export interface PublicJwk {
  kid: string
  kty: string
  crv: string
  x: string
  y: string
  alg: string
  use: string
}

/** The keys of our own tokens, as the database has them. Whatever misses a key here looks there, at most once a second. */
export class SigningKeys {
  readonly #db: Db
  readonly #seal: Seal
  readonly #clock: () => Date
  #loadedAt = Number.NEGATIVE_INFINITY
  #loading: Promise<void> | undefined
  #active: { kid: string; privateKey: KeyObject } | undefined
  #published: { kid: string; jwk: PublicJwk; publicKey: KeyObject; retiredAt: Date | null }[] = []

  constructor(db: Db, seal: Seal, clock: () => Date) {
    this.#db = db
    this.#seal = seal
    this.#clock = clock
  }

  /** Loads the keys, and makes the first one when there is none. Several replicas may do so at once. */
  async start(): Promise<void> {
    await ensureSigningKey(this.#db, this.#seal, this.#clock())
    await this.reload()
  }

  /** Reads the keys anew; calls at the same time share one query. */
  reload(): Promise<void> {
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined
    })
    return this.#loading
  }

  async #load(): Promise<void> {
    const rows = await this.#db.selectFrom('signing_key').selectAll().orderBy('created_at', 'desc').execute()
    this.#published = rows.map(({ kid, public_jwk, retired_at }) => {
      const publicKey = createPublicKey({ key: { ...public_jwk }, format: 'jwk' })
      return { kid, jwk: public_jwk, publicKey, retiredAt: retired_at }
    })
    const active = rows.find((row) => row.retired_at === null)
    this.#active = active && {
      kid: active.kid,
      privateKey: createPrivateKey(this.#seal.open(active.private_key, active.kid)),
    }
    this.#loadedAt = performance.now()
  }

  /** The key that signs. */
  async active(): Promise<{ kid: string; privateKey: KeyObject }> {
    if (!this.#active) await this.start()
    if (!this.#active) throw new Error('There is no signing key.')
    return this.#active
  }

  /** The public key of a token, unless it was never ours or is too old. */
  async find(kid: string): Promise<KeyObject | undefined> {
    const known = this.#current().find((key) => key.kid === kid)
    if (known) return known.publicKey
    await this.refresh()
    return this.#current().find((key) => key.kid === kid)?.publicKey
  }

  /** Reads the keys anew unless that was done within the last second. */
  async refresh(): Promise<void> {
    if (performance.now() - this.#loadedAt > 1_000) await this.reload()
  }

  /** The document at `/.well-known/jwks.json`. */
  jwks(): { keys: PublicJwk[] } {
    return { keys: this.#current().map(({ jwk }) => jwk) }
  }

  #current() {
    const oldest = this.#clock().getTime() - RETIRED_FOR_MS
    return this.#published.filter(({ retiredAt }) => retiredAt === null || retiredAt.getTime() > oldest)
  }
}

async function ensureSigningKey(db: Db, seal: Seal, now: Date): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(${LOCK})`.execute(trx)
    const active = await trx.selectFrom('signing_key').select('kid').where('retired_at', 'is', null).executeTakeFirst()
    if (!active) await insertSigningKey(trx, seal, now)
  })
}

/**
 * From now on a new key signs. The old one stays published until its tokens have expired; replicas are told.
 *
 * @returns the new key's id
 */
export async function rotateSigningKey(db: Db, seal: Seal, now: Date): Promise<string> {
  return db.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(${LOCK})`.execute(trx)
    await trx
      .deleteFrom('signing_key')
      .where('retired_at', '<', new Date(now.getTime() - RETIRED_FOR_MS))
      .execute()
    await trx.updateTable('signing_key').set({ retired_at: now }).where('retired_at', 'is', null).execute()
    const kid = await insertSigningKey(trx, seal, now)
    await announce(trx, { kind: 'signing-keys', id: kid })
    return kid
  })
}

async function insertSigningKey(trx: Tx, seal: Seal, now: Date): Promise<string> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const kid = randomUUID()
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' }
  const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
  await trx
    .insertInto('signing_key')
    .values({ kid, public_jwk: JSON.stringify(jwk), private_key: seal.seal(pem, kid), created_at: now })
    .execute()
  return kid
}
