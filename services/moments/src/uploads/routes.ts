import { defineRoute, type Route, route } from '@platform/http/route.ts'
import { DateTime, OneOf, Uuid } from '@platform/http/schemas.ts'
import { Type } from 'typebox'
import { MEDIA_KINDS } from '../db/schema.ts'
import { type AnnounceDeps, announceUploads, type Upload } from './announce.ts'

const AnnouncedFile = Type.Object({
  kind: OneOf([...MEDIA_KINDS]),
  contentType: Type.String({ maxLength: 100, description: 'Lower case, without parameters.' }),
  bytes: Type.Integer({ minimum: 1 }),
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$', description: 'Lower-case hexadecimal.' }),
})

const UploadAnswer = Type.Object(
  {
    uploadUUID: { ...Uuid, description: 'For `POST /moments`.' },
    method: OneOf(['PUT']),
    url: Type.String({ description: 'Needs no credential.' }),
    headers: Type.Unsafe<Record<string, string>>({
      type: 'object',
      additionalProperties: { type: 'string' },
      description: 'To be sent exactly as they are.',
    }),
    expiresAt: DateTime,
  },
  { title: 'Upload' },
)

const announceDefinition = defineRoute({
  method: 'post',
  path: '/robots/{robotUUID}/uploads',
  operationId: 'announceUploads',
  summary: 'Announce files and get an upload URL for each',
  description:
    'Each URL accepts exactly the announced file, for 15 minutes. An uploaded file that no moment names is deleted after twice that time.',
  tag: 'moments',
  access: { roles: ['service'], scope: 'moments:write' },
  params: Type.Object({ robotUUID: Uuid }),
  body: Type.Object({ files: Type.Array(AnnouncedFile, { minItems: 1, maxItems: 8 }) }),
  responses: { 201: Type.Object({ uploads: Type.Array(UploadAnswer) }, { title: 'Uploads' }) },
  errors: ['gone'],
  changesNothing: true,
})

/** Announcements of files. They take no `Idempotency-Key`: announcing again is harmless, and kept URLs would expire. */
export function uploadRoutes(deps: AnnounceDeps): Route[] {
  return [
    route(announceDefinition, async ({ params, body }) => {
      const files = body.files.map(({ kind, contentType, bytes, sha256 }) => ({ kind, contentType, bytes, sha256 }))
      const uploads = await announceUploads(deps, params.robotUUID.toLowerCase(), files)
      return { status: 201, body: { uploads: uploads.map(toAnswer) } }
    }),
  ]
}

function toAnswer({ uploadId, method, url, headers, expiresAt }: Upload) {
  return { uploadUUID: uploadId, method, url, headers, expiresAt: expiresAt.toISOString() }
}
