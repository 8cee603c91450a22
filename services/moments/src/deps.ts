import type { ServiceClient } from '@platform/http/client.ts'
import type { SignedTokens } from '@platform/http/signed-token.ts'
import type { Db } from './db/schema.ts'
import type { MediaStore } from './media/store/media-store.ts'
import type { MediaAddresses } from './moments/moment-view.ts'

/** The parts that the routes are built from. */
export interface Deps {
  db: Db
  clock: () => Date
  /** Cursors, anchors. */
  tokens: SignedTokens
  addresses: MediaAddresses
  store: MediaStore
  /** How long an upload URL works. */
  uploadMinutes: number
  /** The gateway's private listener: it knows the accounts. */
  gateway: Pick<ServiceClient, 'get'>
}
