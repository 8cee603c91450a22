/** What a URI turned out to be. */
export type ReadUri = { url: URL; fault?: undefined } | { fault: string; url?: undefined }

const MAX_LENGTH = 2_048

const BAD_PORT = 'Invalid parameter.  Make sure you include a valid HTTP port (i.e. 80).'
const BAD_SCHEME = 'Invalid parameter.  Make sure you include a valid HTTP scheme (i.e. http:// or https://).'
const BAD_HOST = 'Invalid parameter.  Make sure you include a valid HTTP host (i.e. www.yourapp.com).'
const TOO_LONG = `Invalid parameter.  Make sure the URI has no more than ${MAX_LENGTH} characters.`

/** What is wrong with a target inside a network, whichever way it was found out. */
export const INNER_TARGET = 'Invalid parameter.  Make sure you include a public HTTP host (i.e. www.yourapp.com).'

/** Reads the address of a request; each fault has the message that clients know. */
export function readUri(text: string): ReadUri {
  if (text.length > MAX_LENGTH) return { fault: TOO_LONG }
  const scheme = /^\s*([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase()
  if (scheme === undefined) return { fault: BAD_PORT }
  if (scheme !== 'http' && scheme !== 'https') return { fault: BAD_SCHEME }
  // The parser is forgiving with slashes; whoever leaves them out or writes a third one has forgotten the host.
  if (!/^\s*https?:\/\/[^/?#\\]/i.test(text)) return { fault: BAD_HOST }
  const url = URL.parse(text)
  if (!url) return { fault: /:[^/?#\]]*$/.test(authorityOf(text)) ? BAD_PORT : BAD_HOST }
  if (url.username !== '' || url.password !== '' || url.hostname === '') return { fault: BAD_HOST }
  if (url.port === '0') return { fault: BAD_PORT }
  return { url }
}

function authorityOf(text: string): string {
  return /^\s*https?:\/\/([^/?#\\]*)/i.exec(text)?.[1] ?? ''
}

/** Host and port, as limits and metrics know a target: `yourapp.com:80`. */
export function hostOf(url: URL): string {
  return `${url.hostname}:${url.port || (url.protocol === 'https:' ? '443' : '80')}`
}

/** With its port, always: `http://yourapp.com:80/?var1=true`. */
export function normalised(url: URL): string {
  return `${url.protocol}//${hostOf(url)}${url.pathname}${url.search}`
}
