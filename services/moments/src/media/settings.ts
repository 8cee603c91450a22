import { DEVELOPMENT_SECRET } from '@platform/config/env.ts'
import type { Logger } from '@platform/log/logger.ts'
import type { Express } from 'express'
import { type Static, Type } from 'typebox'
import { mountFileRoutes } from './store/file-routes.ts'
import { openFileStore } from './store/file-store.ts'
import type { MediaStore } from './store/media-store.ts'
import { openS3Store } from './store/s3-store.ts'

const Address = { pattern: '^https?://[^/?#@]+/?$' }

/** Where media are kept; a service spreads this into its own schema. */
export const MediaEnv = {
  /** Folder of the file store, which is used where no S3 endpoint is set. */
  MEDIA_FOLDER: Type.String({ minLength: 1, default: '.data/media' }),
  /** Signs the URLs of the file store. In production it has to be replaced: see `requireOwnSecrets`. */
  MEDIA_URL_SECRET: Type.String({ minLength: 32, default: DEVELOPMENT_SECRET }),
  /** The gateway as clients see it: the file store's URLs begin with it. */
  PUBLIC_URL: Type.String({ ...Address, default: 'http://127.0.0.1:8080' }),
  /** As clients see it, too: they send uploads there themselves. */
  MEDIA_S3_ENDPOINT: Type.Optional(Type.String(Address)),
  MEDIA_S3_BUCKET: Type.String({ pattern: '^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$', default: 'moments' }),
  MEDIA_S3_REGION: Type.String({ minLength: 1, default: 'us-east-1' }),
  MEDIA_S3_ACCESS_KEY_ID: Type.Optional(Type.String({ minLength: 1 })),
  MEDIA_S3_SECRET_ACCESS_KEY: Type.Optional(Type.String({ minLength: 1 })),
}

const MediaSchema = Type.Object(MediaEnv)
export type MediaSettings = Static<typeof MediaSchema>

export interface OpenedMediaStore {
  store: MediaStore
  /** Mounts the routes that serve the store's URLs; does nothing for S3, which serves its own. */
  mount: (app: Express) => void
}

/**
 * Opens the store that the settings name: S3 where an endpoint is set, a folder otherwise.
 *
 * @throws Error when an S3 endpoint is set without its keys
 */
export function createMediaStore(settings: MediaSettings, log: Logger, clock?: () => Date): OpenedMediaStore {
  const { MEDIA_S3_ENDPOINT: endpoint, MEDIA_S3_ACCESS_KEY_ID: accessKeyId } = settings
  if (endpoint === undefined) {
    const store = openFileStore({
      folder: settings.MEDIA_FOLDER,
      baseUrl: settings.PUBLIC_URL,
      secret: settings.MEDIA_URL_SECRET,
      log,
      clock,
    })
    return { store, mount: (app) => mountFileRoutes(app, store) }
  }
  const secretAccessKey = settings.MEDIA_S3_SECRET_ACCESS_KEY
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw new Error('MEDIA_S3_ENDPOINT needs MEDIA_S3_ACCESS_KEY_ID and MEDIA_S3_SECRET_ACCESS_KEY.')
  }
  const { MEDIA_S3_BUCKET: bucket, MEDIA_S3_REGION: region } = settings
  return { store: openS3Store({ endpoint, bucket, region, accessKeyId, secretAccessKey, clock }), mount: () => {} }
}
