import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'
import { DomainError } from '@platform/http/errors.ts'
import { fromWholeSeconds, toWholeSeconds } from './lifetime.ts'
import { isMediaKey } from './media-key.ts'
import type { MediaContent, ReadGrant, UploadGrant } from './media-store.ts'

/** Path under which the file store serves its objects: `/media-files/KEY`. */
export const MEDIA_FILES_PATH = '/media-files/'

const UPLOAD_FIELDS = ['bytes', 'sha256', 'type', 'expires'] as const
const READ_FIELDS = ['type', 'name', 'expires'] as const
const SIGNATURE = 'signature'
// Far longer than any URL that is signed here.
const MAX_QUERY = 2_048
const NUMBER = /^(?:0|[1-9]\d{0,15})$/

export interface SignedUpload extends MediaContent {
  key: string
}

export interface SignedRead {
  key: string
  contentType: string
  fileName: string | undefined
  expiresAt: Date
}

type Fields = Record<string, string>

/** The rest of the path and the query as they were sent, with nothing decoded. */
interface RawTarget {
  key: string
  query: string
}

/**
 * Signs and verifies the URLs of the file store with HMAC-SHA256. The signature covers the method, the key and every
 * parameter, so that a URL is good for exactly one object, one way and one content.
 */
export class SignedUrls {
  readonly #secret: KeyObject
  readonly #base: string

  /** @param baseUrl address of the gateway, as clients see it */
  constructor(baseUrl: string, secret: string) {
    this.#base = baseUrl.replace(/\/+$/, '')
    this.#secret = createSecretKey(Buffer.from(secret))
  }

  signUpload({ key, bytes, sha256, contentType, expiresAt }: UploadGrant): string {
    const expires = String(toWholeSeconds(expiresAt))
    return this.#sign('PUT', key, { bytes: String(bytes), sha256, type: contentType, expires })
  }

  signRead({ key, contentType, fileName = '', expiresAt }: ReadGrant): string {
    return this.#sign('GET', key, { type: contentType, name: fileName, expires: String(toWholeSeconds(expiresAt)) })
  }

  /**
   * Returns what a `PUT` to this target may store.
   *
   * @param target path and query as they came over the wire
   * @throws DomainError forbidden for a forged, changed or expired URL; validation for a path that can be no object's
   */
  verifyUpload(target: string, now: Date): SignedUpload {
    const { key, fields } = this.#verify('PUT', target, UPLOAD_FIELDS, now)
    const { bytes = '', sha256 = '', type = '' } = fields
    return { key, bytes: Number(bytes), sha256, contentType: type }
  }

  /** Returns what a `GET` or `HEAD` of this target may read; errors as in `verifyUpload`. */
  verifyRead(target: string, now: Date): SignedRead {
    const { key, fields } = this.#verify('GET', target, READ_FIELDS, now)
    const { type = '', name = '', expires } = fields
    return { key, contentType: type, fileName: name || undefined, expiresAt: fromWholeSeconds(Number(expires)) }
  }

  #sign(method: string, key: string, fields: Fields): string {
    const query = new URLSearchParams({ ...fields, [SIGNATURE]: this.#signature(method, key, fields) })
    return `${this.#base}${MEDIA_FILES_PATH}${key}?${query}`
  }

  #verify(method: string, target: string, names: readonly string[], now: Date): { key: string; fields: Fields } {
    const { key, query } = parseTarget(target)
    const params = new URLSearchParams(query)
    // Exactly the signed parameters, once each: nothing that another program could read in another way.
    if (query.length > MAX_QUERY || [...params.keys()].join() !== [...names, SIGNATURE].join()) throw forged()
    const fields = Object.fromEntries(names.map((name) => [name, params.get(name) ?? '']))
    const given = Buffer.from(params.get(SIGNATURE) ?? '')
    const right = Buffer.from(this.#signature(method, key, fields))
    if (given.length !== right.length || !timingSafeEqual(given, right)) throw forged()
    const expires = fields.expires ?? ''
    if (!NUMBER.test(expires)) throw forged()
    if (now >= fromWholeSeconds(Number(expires))) throw new DomainError('forbidden', 'The address has expired.')
    return { key, fields }
  }

  // As JSON, where no value can run into the next one.
  #signature(method: string, key: string, fields: Fields): string {
    const signed = JSON.stringify([method, key, ...Object.entries(fields)])
    return createHmac('sha256', this.#secret).update(signed).digest('base64url')
  }
}

/** @throws DomainError validation before anything is decoded: keys have no character that is ever encoded */
function parseTarget(target: string): RawTarget {
  const at = target.indexOf('?')
  const path = at === -1 ? target : target.slice(0, at)
  const key = path.slice(MEDIA_FILES_PATH.length)
  if (!path.startsWith(MEDIA_FILES_PATH) || !isMediaKey(key)) {
    throw new DomainError('validation', 'The path names no media file.')
  }
  return { key, query: at === -1 ? '' : target.slice(at + 1) }
}

function forged(): DomainError {
  return new DomainError('forbidden', 'The address is not signed for this request.')
}
