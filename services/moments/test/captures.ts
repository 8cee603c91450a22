import { createHash, randomUUID } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readEnv } from '@platform/config/env.ts'
import type { Capture } from '@platform/contracts/robots.ts'
import { removeAfterwards } from '@platform/local/guard.ts'
import type { S3Access } from '@platform/local/seaweedfs.ts'
import { createLogger } from '@platform/log/logger.ts'
import type { Client } from '@platform/testing/client.ts'
import { AwsClient } from 'aws4fetch'
import sharp from 'sharp'
import { Type } from 'typebox'
import type { MediaKind } from '../src/db/schema.ts'
import { createMediaStore, MediaEnv } from '../src/media/settings.ts'
import type { ListedObject, MediaStore } from '../src/media/store/media-store.ts'
import { send } from './media/clients.ts'

/** A store that a platform under test uses. */
export interface StoreChoice {
  on: string
  /** Returns the settings of a store of its own, which is empty. */
  newStore(): Promise<Record<string, string>>
}

/** Returns the file store, and S3 where one can be had. */
export function storesOn(access: S3Access | undefined): StoreChoice[] {
  return [
    {
      on: 'the file store',
      newStore: async () => {
        const folder = mkdtempSync(join(tmpdir(), 'media-'))
        removeAfterwards(folder)
        return { MEDIA_FOLDER: folder }
      },
    },
    ...(access ? [{ on: 'S3', newStore: () => newBucket(access) }] : []),
  ]
}

async function newBucket({
  endpoint,
  region,
  accessKeyId,
  secretAccessKey,
}: S3Access): Promise<Record<string, string>> {
  const bucket = `test-${randomUUID()}`
  const client = new AwsClient({ accessKeyId, secretAccessKey, region, service: 's3' })
  const { status } = await client.fetch(`${endpoint}/${bucket}`, { method: 'PUT' })
  if (status !== 200) throw new Error(`A bucket could not be made: ${status}.`)
  return {
    MEDIA_S3_ENDPOINT: endpoint,
    MEDIA_S3_BUCKET: bucket,
    MEDIA_S3_REGION: region,
    MEDIA_S3_ACCESS_KEY_ID: accessKeyId,
    MEDIA_S3_SECRET_ACCESS_KEY: secretAccessKey,
  }
}

/** Opens the store of a platform under test. */
export function openStore(env: Record<string, string>): MediaStore {
  const log = createLogger({ service: 'test', level: 'silent', format: 'json' })
  return createMediaStore(readEnv(env, Type.Object(MediaEnv)), log).store
}

/** Returns everything that a store has. */
export async function listAll(store: MediaStore): Promise<ListedObject[]> {
  const all: ListedObject[] = []
  for (let after: string | undefined, isFirst = true; isFirst || after !== undefined; isFirst = false) {
    const page = await store.list({ after, limit: 100 })
    all.push(...page.objects)
    after = page.next
  }
  return all
}

/** A file as a robot has it. */
export interface TestFile {
  kind: MediaKind
  contentType: string
  body: Buffer
}

/** A photo, as no other test has it. */
export async function photo(): Promise<TestFile> {
  const noise = { type: 'gaussian' as const, mean: 120, sigma: 40 }
  const image = sharp({ create: { width: 640, height: 480, channels: 3, background: '#888', noise } })
  return { kind: 'image', contentType: 'image/jpeg', body: await image.jpeg().toBuffer() }
}

export function metadata(value: unknown = { id: randomUUID() }): TestFile {
  return { kind: 'metadata', contentType: 'application/json', body: Buffer.from(JSON.stringify(value)) }
}

export interface TestUpload {
  uploadUUID: string
  method: string
  url: string
  headers: Record<string, string>
  expiresAt: string
}

export const announcementOf = ({ kind, contentType, body }: TestFile) => ({
  kind,
  contentType,
  bytes: body.byteLength,
  sha256: createHash('sha256').update(body).digest('hex'),
})

/** Announces files for a robot. */
export async function announce(service: Client, robotId: string, files: TestFile[]): Promise<TestUpload[]> {
  const answer = await service.post<{ uploads: TestUpload[] }>(`/robots/${robotId}/uploads`, {
    files: files.map(announcementOf),
  })
  if (answer.status !== 201) throw new Error(`No uploads: ${answer.status} ${JSON.stringify(answer.body)}`)
  return answer.body.uploads
}

/** Announces and uploads files, as a robot does. Returns them as `POST /moments` takes them. */
export async function uploadAll(service: Client, robotId: string, files: TestFile[]): Promise<Capture['media']> {
  const uploads = await announce(service, robotId, files)
  return Promise.all(
    uploads.map(async (upload, i) => {
      const file = files[i]
      if (!file) throw new Error('There are more uploads than files.')
      const { status, body } = await send(upload, file.body)
      if (status !== 200) throw new Error(`The upload was refused: ${status} ${body}`)
      return { kind: file.kind, uploadUUID: upload.uploadUUID }
    }),
  )
}

/** A capture with one file that the robot hosts itself. */
export function capture(robotUUID: string, over: Partial<Capture> = {}): Capture {
  const sourceId = over.sourceId ?? randomUUID()
  return {
    robotUUID,
    sourceId,
    type: 'photo',
    capturedAt: new Date().toISOString(),
    media: [{ kind: 'image', uri: `https://robots.example/${encodeURIComponent(sourceId)}.jpg` }],
    ...over,
  }
}
