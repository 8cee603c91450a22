import { isMediaKey } from './media-key.ts'
import type { ListedObject, ObjectPage } from './media-store.ts'

const ENTRY = /<Contents>(.*?)<\/Contents>/gs

/**
 * Reads the answer of ListObjectsV2 with `encoding-type=url`. Objects that others put into the bucket are left out, and
 * the next page begins after them all the same.
 */
export function parseListing(xml: string): ObjectPage {
  const keys: string[] = []
  const objects: ListedObject[] = []
  for (const [, entry = ''] of xml.matchAll(ENTRY)) {
    const key = decodeURIComponent(textOf(entry, 'Key').replaceAll('+', ' '))
    keys.push(key)
    if (!isMediaKey(key)) continue
    objects.push({ key, bytes: Number(textOf(entry, 'Size')), modifiedAt: new Date(textOf(entry, 'LastModified')) })
  }
  return textOf(xml, 'IsTruncated') === 'true' ? { objects, next: keys.at(-1) } : { objects }
}

function textOf(xml: string, element: string): string {
  return new RegExp(`<${element}>([^<]*)</${element}>`).exec(xml)?.[1] ?? ''
}
