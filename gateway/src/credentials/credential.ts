import type { IncomingHttpHeaders } from 'node:http'
import { DomainError } from '@platform/http/errors.ts'

/** What somebody shows to say who they are; nothing about it is checked yet. */
export type Credential = { kind: 'token'; text: string } | { kind: 'key'; text: string }

const BEARER = /^bearer +([A-Za-z0-9._~+/-]+=*) *$/i
const LONGEST = 8_192

/** A 401 that tells a client how to do better, as RFC 6750 has it. */
export function unauthorized(message: string, error?: 'invalid_token'): DomainError {
  const challenge = error ? `Bearer realm="platform", error="${error}"` : 'Bearer realm="platform"'
  return new DomainError('unauthorized', message, { headers: { 'WWW-Authenticate': challenge } })
}

export const severalCredentials = () => unauthorized('There are several credentials; send exactly one.')

/** Whether a request shows any credential outside of its body. */
export function showsCredential(headers: IncomingHttpHeaders, queryKey: string | undefined): boolean {
  return headers.authorization !== undefined || headers['x-api-key'] !== undefined || queryKey !== undefined
}

/**
 * Finds the one credential of a request.
 *
 * @param queryKey the query's `apikey`
 * @throws DomainError `unauthorized` when there is none, when it has no form that we know, or when there are two:
 *   then it is not for us to choose
 */
export function readCredential(headers: IncomingHttpHeaders, queryKey: string | undefined): Credential {
  const { authorization } = headers
  const headerKey = headers['x-api-key']
  const given = Number(authorization !== undefined) + Number(headerKey !== undefined) + Number(queryKey !== undefined)
  if (given === 0) throw unauthorized('A bearer token or an API key is needed.')
  if (given > 1) throw severalCredentials()
  if (authorization === undefined) return { kind: 'key', text: String(headerKey ?? queryKey) }
  const token = authorization.length > LONGEST ? undefined : BEARER.exec(authorization)?.[1]
  if (token === undefined) throw unauthorized('Authorization has to be a bearer token.')
  return { kind: 'token', text: token }
}
