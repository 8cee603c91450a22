// Lower case only: on a disk that ignores case, two keys must never meet in one file.
const SEGMENT = '[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?'
const KEY = new RegExp(`^${SEGMENT}/${SEGMENT}/${SEGMENT}$`)

/** The ids that make up a key; all of them are ours. */
export interface MediaKeyParts {
  robotId: string
  /** The upload or the moment that the object belongs to. */
  groupId: string
  mediaId: string
}

/**
 * Returns the key of a media object: `robot/group/media`.
 *
 * @throws Error when an id is not one of ours
 */
export function mediaKey({ robotId, groupId, mediaId }: MediaKeyParts): string {
  return assertMediaKey([robotId, groupId, mediaId].join('/').toLowerCase())
}

/**
 * True for exactly three segments of lower-case letters, digits, `-` and `_`, 64 characters each at most. There is nothing
 * to decode in such a key: `%` is refused like dots, backslashes, empty segments and NUL.
 */
export function isMediaKey(text: string): boolean {
  // The length first: a long text costs the pattern nothing.
  return text.length <= 194 && KEY.test(text)
}

/** @throws Error for a key that is not one of ours: a fault of the caller, since clients never name keys */
export function assertMediaKey(key: string): string {
  if (!isMediaKey(key)) throw new Error('A media key has three segments of lower-case letters, digits, - and _.')
  return key
}
