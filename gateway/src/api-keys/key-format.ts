import { hash, randomInt } from 'node:crypto'
import { crc32 } from 'node:zlib'

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const ID_LENGTH = 12
const SECRET_LENGTH = 32
const CHECKSUM_LENGTH = 6
const KEY = /^pk_([0-9A-Za-z]{12})_[0-9A-Za-z]{38}$/

/** A new id of a key: 71 random bits. */
export function newKeyId(): string {
  return randomText(ID_LENGTH)
}

/**
 * A new key `pk_ID_SECRETCHECKSUM`: 190 random bits, and a checksum that tells a mistyped or cut key without a look
 * into the database. It is shown once; only its hash is kept.
 */
export function newKey(id: string): string {
  const body = `pk_${id}_${randomText(SECRET_LENGTH)}`
  return body + checksum(body)
}

/** What people know a key by. */
export function keyPrefix(id: string): string {
  return `pk_${id}`
}

/** @returns the key's id, or undefined for a text that never was one of our keys */
export function readKeyId(key: string): string | undefined {
  const id = KEY.exec(key)?.[1]
  if (id === undefined) return undefined
  return checksum(key.slice(0, -CHECKSUM_LENGTH)) === key.slice(-CHECKSUM_LENGTH) ? id : undefined
}

/** SHA-256: enough for a secret of this many random bits. */
export function hashSecret(secret: string): Buffer {
  return hash('sha256', secret, 'buffer')
}

function randomText(length: number): string {
  let text = ''
  while (text.length < length) text += ALPHABET[randomInt(ALPHABET.length)]
  return text
}

function checksum(body: string): string {
  let rest = crc32(body)
  let text = ''
  for (let i = 0; i < CHECKSUM_LENGTH; i++) {
    text = ALPHABET[rest % ALPHABET.length] + text
    rest = Math.floor(rest / ALPHABET.length)
  }
  return text
}
