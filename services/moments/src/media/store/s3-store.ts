import { createHash } from 'node:crypto'
import { assertStoredContentType, OPAQUE_CONTENT_TYPE, toStoredContentType } from '../content-types.ts'
import { contentDisposition } from './content-disposition.ts'
import { fromWholeSeconds, lifetimeSeconds, toWholeSeconds } from './lifetime.ts'
import { assertMediaKey } from './media-key.ts'
import type { MediaStore } from './media-store.ts'
import { type S3Answer, S3Client, type S3Settings } from './s3-client.ts'
import { parseListing } from './s3-listing.ts'

export interface S3StoreOptions extends S3Settings {
  clock?: () => Date
}

const CHECKSUM = 'x-amz-checksum-sha256'
// The limit of S3 for presigned requests.
const MAX_LIFETIME_SECONDS = 7 * 24 * 3_600
// Reads an object of any size.
const HASH_TIMEOUT_MS = 600_000

/** Opens a store in a bucket of any S3-compatible service that verifies SHA-256 checksums. */
export function openS3Store({ clock = () => new Date(), ...settings }: S3StoreOptions): MediaStore {
  const client = new S3Client(settings)
  const lifetimeOf = (expiresAt: Date) => {
    const now = clock()
    const seconds = lifetimeSeconds(now, expiresAt)
    if (seconds > MAX_LIFETIME_SECONDS) throw new RangeError('A presigned URL of S3 lives for seven days at most.')
    return { now, lifetimeSeconds: seconds, expiresAt: fromWholeSeconds(toWholeSeconds(expiresAt)) }
  }
  const findHead = async (key: string): Promise<S3Answer | undefined> => {
    const headers = { 'x-amz-checksum-mode': 'ENABLED' }
    const answer = await client.call({ method: 'HEAD', key: assertMediaKey(key), headers }, [200, 404])
    await answer.body.dump()
    return answer.statusCode === 200 ? answer : undefined
  }

  return {
    presignUpload: async ({ key, contentType, bytes, sha256, expiresAt }) => {
      assertStoredContentType(contentType)
      const headers = {
        'content-type': contentType,
        'content-length': String(bytes),
        [CHECKSUM]: Buffer.from(sha256, 'hex').toString('base64'),
      }
      const { expiresAt: end, ...lifetime } = lifetimeOf(expiresAt)
      const url = await client.presign({ method: 'PUT', key: assertMediaKey(key), headers, ...lifetime })
      return { method: 'PUT', url, headers, expiresAt: end }
    },
    presignRead: async ({ key, contentType, fileName, expiresAt }) => {
      assertStoredContentType(contentType)
      const query = {
        'response-content-type': contentType,
        'response-content-disposition': contentDisposition(contentType, fileName),
      }
      const { expiresAt: end, ...lifetime } = lifetimeOf(expiresAt)
      const url = await client.presign({ method: 'GET', key: assertMediaKey(key), query, ...lifetime })
      return { url, expiresAt: end }
    },
    head: async (key) => {
      const answer = await findHead(key)
      if (!answer) return undefined
      const { 'content-type': type, 'content-length': length, [CHECKSUM]: checksum } = answer.headers
      return {
        contentType: toStoredContentType(typeof type === 'string' ? type : OPAQUE_CONTENT_TYPE),
        bytes: Number(length),
        sha256: toHex(checksum) ?? (await computeSha256(client, key)),
      }
    },
    exists: async (key) => (await findHead(key)) !== undefined,
    read: async (key, maxBytes) => {
      const headers = { range: `bytes=0-${maxBytes - 1}` }
      const answer = await client.call({ method: 'GET', key: assertMediaKey(key), headers }, [200, 206, 404, 416])
      if (answer.statusCode < 300) return readStart(answer, maxBytes)
      await answer.body.dump()
      // An empty object has no first byte.
      return answer.statusCode === 416 ? Buffer.alloc(0) : undefined
    },
    write: async (key, body, contentType) => {
      assertStoredContentType(contentType)
      const digest = createHash('sha256').update(body).digest()
      const sha256 = digest.toString('hex')
      const headers = {
        'content-type': contentType,
        'content-length': String(body.byteLength),
        'x-amz-content-sha256': sha256,
        [CHECKSUM]: digest.toString('base64'),
      }
      const answer = await client.call({ method: 'PUT', key: assertMediaKey(key), headers, body }, [200])
      await answer.body.dump()
      return { contentType, bytes: body.byteLength, sha256 }
    },
    delete: async (key) => {
      const answer = await client.call({ method: 'DELETE', key: assertMediaKey(key) }, [200, 204, 404])
      await answer.body.dump()
    },
    list: async ({ after, limit }) => {
      const query = {
        'list-type': '2',
        'encoding-type': 'url',
        'max-keys': String(limit),
        ...(after === undefined ? {} : { 'start-after': after }),
      }
      return parseListing(await (await client.call({ method: 'GET', query }, [200])).body.text())
    },
    close: () => client.close(),
  }
}

/** The checksum of a whole object; that of parts which were uploaded one by one carries their number. */
function toHex(checksum: string | string[] | undefined): string | undefined {
  if (typeof checksum !== 'string') return undefined
  const digest = Buffer.from(checksum, 'base64')
  return digest.length === 32 && !checksum.includes('-') ? digest.toString('hex') : undefined
}

/** For a store that keeps no checksum: reads the whole object. */
async function computeSha256(client: S3Client, key: string): Promise<string> {
  const { body } = await client.call({ method: 'GET', key, timeoutMs: HASH_TIMEOUT_MS }, [200])
  const hash = createHash('sha256')
  for await (const chunk of body) hash.update(chunk)
  return hash.digest('hex')
}

/** Reads at most `maxBytes`, also from a store that does not know `Range`. */
async function readStart({ body }: S3Answer, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body) {
    chunks.push(chunk)
    size += chunk.length
    if (size >= maxBytes) break
  }
  return Buffer.concat(chunks).subarray(0, maxBytes)
}
