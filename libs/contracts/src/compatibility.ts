import { isDeepStrictEqual } from 'node:util'

/** Words of a schema that say something to people only. */
const FOR_PEOPLE = new Set(['$schema', '$id', 'title', 'description', 'examples', 'deprecated'])
/** Words whose own schemas are compared one by one. */
const NESTED = new Set(['properties', 'items', 'anyOf', 'allOf', 'oneOf'])

/**
 * What makes the schema of an event unfit for those who rely on its predecessor. A schema may gain optional fields, and
 * nothing else: with less, old consumers miss something; with more values, they meet what they do not know; with a new
 * required field, new consumers refuse events that lie in the topic already.
 *
 * @returns one text a fault, such as `/ownerId: is missing`; none when all is well
 */
export function incompatibilities(landed: unknown, current: unknown, path = ''): string[] {
  if (!isSchema(landed) || !isSchema(current)) {
    return isDeepStrictEqual(landed, current) ? [] : [`${path}: is another schema`]
  }
  const words = new Set([...Object.keys(landed), ...Object.keys(current)])
  return [...words].flatMap((word) => {
    if (FOR_PEOPLE.has(word)) return []
    const [before, after] = [landed[word], current[word]]
    if (word === 'properties') return comparedProperties(before, after, path)
    if (word === 'required') return sameSet(before, after) ? [] : [`${path}: requires other fields`]
    if (NESTED.has(word)) return comparedParts(before, after, `${path}/${word}`)
    return isDeepStrictEqual(before, after) ? [] : [`${path}: has another ${word}`]
  })
}

function comparedProperties(before: unknown, after: unknown, path: string): string[] {
  if (!isSchema(before)) return isSchema(after) ? [] : [`${path}: has other properties`]
  return Object.entries(before).flatMap(([name, schema]) => {
    const now = isSchema(after) ? after[name] : undefined
    return now === undefined ? [`${path}/${name}: is missing`] : incompatibilities(schema, now, `${path}/${name}`)
  })
}

function comparedParts(before: unknown, after: unknown, path: string): string[] {
  if (!Array.isArray(before) || !Array.isArray(after)) return incompatibilities(before, after, path)
  if (before.length !== after.length) return [`${path}: has another number of alternatives`]
  return before.flatMap((schema, index) => incompatibilities(schema, after[index], `${path}/${index}`))
}

function isSchema(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function sameSet(before: unknown, after: unknown): boolean {
  const sorted = (names: unknown) => (Array.isArray(names) ? [...names].sort() : [])
  return isDeepStrictEqual(sorted(before), sorted(after))
}
