/** The content of a media object. */
export interface MediaContent {
  /** A type of the allow-list, or `application/octet-stream`: see `toStoredContentType`. */
  contentType: string
  bytes: number
  /** SHA-256 of the content: 64 lower-case hexadecimal digits. */
  sha256: string
}

/** An upload that a client may make, until `expiresAt`. */
export interface UploadGrant extends MediaContent {
  key: string
  expiresAt: Date
}

/** A request that a client makes by itself. It sends exactly these headers; other ones change nothing. */
export interface PresignedUpload {
  method: 'PUT'
  url: string
  headers: Record<string, string>
  /** When the URL stops working; in whole seconds, so up to a second before the instant that was asked for. */
  expiresAt: Date
}

export interface ReadGrant {
  key: string
  contentType: string
  /** For a client that saves the file; made safe before it becomes a header. */
  fileName?: string
  expiresAt: Date
}

export interface PresignedRead {
  url: string
  /** As in `PresignedUpload`. */
  expiresAt: Date
}

/** An object as a listing shows it. */
export interface ListedObject {
  key: string
  bytes: number
  modifiedAt: Date
}

export interface ObjectPage {
  objects: ListedObject[]
  /** The value of `after` for the next page; absent after the last one. */
  next?: string
}

/**
 * Keeps media objects. An object appears whole or not at all, and it is on the disk when a call that writes has resolved.
 * Keys come from `mediaKey`. Objects are written once: two writes to one key carry the same content, or the newer one wins.
 *
 * Every method throws a DomainError `unavailable` while the store cannot be reached.
 */
export interface MediaStore {
  /** Signs an upload of this content to this key. The store refuses any other key, method, type, length or content. */
  presignUpload(grant: UploadGrant): Promise<PresignedUpload>
  /** Signs a read. The answer has the granted type and name, and supports `Range`. */
  presignRead(grant: ReadGrant): Promise<PresignedRead>
  /** Returns what is stored under a key, or undefined. */
  head(key: string): Promise<MediaContent | undefined>
  exists(key: string): Promise<boolean>
  /** Returns at most the first `maxBytes` of an object, or undefined when it does not exist. */
  read(key: string, maxBytes: number): Promise<Buffer | undefined>
  /** Stores content that the service made itself. */
  write(key: string, body: Uint8Array, contentType: string): Promise<MediaContent>
  /** Deletes an object. Idempotent: a missing object counts as deleted. */
  delete(key: string): Promise<void>
  /** Lists objects in the order of their keys. Objects that come or go meanwhile may or may not be listed. */
  list(page: { after?: string; limit: number }): Promise<ObjectPage>
  /** Resolves when nothing of the store runs any more. */
  close(): Promise<void>
}
