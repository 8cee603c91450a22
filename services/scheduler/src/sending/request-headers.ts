const NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
const MAX_COUNT = 50
const MAX_TOTAL = 8_192

/** Headers that belong to the connection or to us. */
const OURS = new Set([
  'host',
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'accept-encoding',
])

/** What is wrong with the headers that somebody wants on a request; undefined when nothing is. */
export function faultOfHeaders(headers: Record<string, string>): string | undefined {
  const names = Object.keys(headers)
  if (names.length > MAX_COUNT) return `Invalid parameter.  There can be ${MAX_COUNT} headers.`
  let size = 0
  const seen = new Set<string>()
  for (const [name, value] of Object.entries(headers)) {
    size += name.length + value.length
    const lower = name.toLowerCase()
    if (!NAME.test(name) || !VALUE.test(value)) return 'Invalid parameter.  Make sure you include valid HTTP headers.'
    if (OURS.has(lower) || lower.startsWith('webhook-')) {
      return `Invalid parameter.  The header ${lower} cannot be set.`
    }
    if (seen.has(lower)) return `Invalid parameter.  The header ${lower} is there twice.`
    seen.add(lower)
  }
  return size > MAX_TOTAL ? `Invalid parameter.  Headers can have ${MAX_TOTAL} characters.` : undefined
}
