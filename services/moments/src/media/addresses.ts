import type { MediaAddresses, MediaJson } from '../moments/moment-view.ts'
import { OPAQUE_CONTENT_TYPE, toStoredContentType } from './content-types.ts'
import type { MediaStore } from './store/media-store.ts'

export interface AddressDeps {
  store: MediaStore
  clock: () => Date
  /** How long an address works. */
  minutes: number
}

/** Returns addresses signed by the store. They are issued to callers whose right was just checked, and expire. */
export function storeAddresses({ store, clock, minutes }: AddressDeps): MediaAddresses {
  return {
    addressOf: async ({ id, object_key: key, content_type }: MediaJson) => {
      if (key === null) throw new Error(`The media ${id} are not in the store.`)
      const expiresAt = new Date(clock().getTime() + minutes * 60_000)
      const contentType = content_type === null ? OPAQUE_CONTENT_TYPE : toStoredContentType(content_type)
      const { url, expiresAt: end } = await store.presignRead({ key, contentType, expiresAt })
      return { uri: url, expiresAt: end }
    },
  }
}
