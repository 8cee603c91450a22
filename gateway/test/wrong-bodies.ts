import { type OpenApiDocument, resolve, type Schema, sample } from './openapi-samples.ts'

const WRONG_VALUES = [{}, [], [[]], 'x'.repeat(300_000), -1e308, true, '\0', { $gt: '' }, ['a', 'b']]

/** Bodies that are no good for a schema: what is wrong with each, and the body. */
export function wrongBodies(document: OpenApiDocument, schema: Schema): [string, string | Buffer][] {
  const valid = sample(document, schema) as Record<string, unknown>
  const bodies: [string, string | Buffer][] = [
    ['no JSON', '{'],
    ['an array', '[]'],
    ['null', 'null'],
    ['a text', '"x"'],
    ['a number', '17'],
    ['invalid UTF-8', Buffer.concat([Buffer.from('{"name":"'), Buffer.from([0xc3, 0x28, 0xff]), Buffer.from('"}')])],
    ['deep arrays', `${'['.repeat(50_000)}${']'.repeat(50_000)}`],
    ['5 MB', JSON.stringify({ ...valid, filler: 'x'.repeat(5_000_000) })],
  ]
  const withHugeNumber = JSON.stringify(valid).replace(/:("[^"]*"|\d+)/, ':1e400')
  if (withHugeNumber !== JSON.stringify(valid)) bodies.push(['a number that is too large', withHugeNumber])
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const type = resolve(document, property).type
    for (const wrong of WRONG_VALUES) {
      const isObject = typeof wrong === 'object' && !Array.isArray(wrong)
      // What the field's own type is, is no wrong type.
      if (typeof wrong === type || (type === 'array' && Array.isArray(wrong)) || (type === 'object' && isObject))
        continue
      if (!schema.required?.includes(name) && typeof wrong === 'string' && !type) continue
      bodies.push([`${name} = ${JSON.stringify(wrong).slice(0, 20)}`, JSON.stringify({ ...valid, [name]: wrong })])
    }
    if (schema.required?.includes(name)) {
      bodies.push([`${name} = null`, JSON.stringify({ ...valid, [name]: null })])
      bodies.push([`no ${name}`, JSON.stringify({ ...valid, [name]: undefined })])
    }
  }
  return bodies
}

/** What no database keeps as it is: NUL, and half a surrogate pair at either end. */
export const UNKEPT = ['\0', '\ud800 x', 'x\udc00']

/** The value as it is with each of its texts, however deep, changed in turn. */
export function withEachText(value: unknown, text: string): unknown[] {
  const change = (at: number) => {
    let count = 0
    const json = JSON.stringify(value, (_, item: unknown) => (typeof item === 'string' && at === count++ ? text : item))
    return { changed: JSON.parse(json), count }
  }
  return Array.from({ length: change(-1).count }, (_, at) => change(at).changed)
}
