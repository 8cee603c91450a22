import { createHash } from 'node:crypto'
import { DomainError } from '@platform/http/errors.ts'
import { isUuid } from '@platform/http/schemas.ts'
import type { SignedTokens } from '@platform/http/signed-token.ts'
import type { Filter } from './filter.ts'

/** Where a list continues: after the moment with these sort values. */
export interface Position {
  capturedAt: Date
  id: string
  /** The size of the list when its first page was read. */
  total: number
}

/** A list as it was: moments, rights and clock of its first page, so that later pages fit to it. */
export interface Anchor {
  /** A `pg_snapshot`, as text. */
  snapshot: string
  /** Decides which moments have expired. */
  now: Date
  total: number
  views: AnchoredView[]
}

/** A robot that the caller had a right on, and the instant at which the right begins. */
export type AnchoredView = [robotId: string, visibleFrom: string | null]

/** Returns the name of a list. A token of one list is valid for no other. */
export function listName(userId: string, filter: Filter): string {
  const digest = createHash('sha256').update(JSON.stringify(filter)).digest('base64url').slice(0, 16)
  return `timeline ${userId} ${digest}`
}

export function writePosition(tokens: SignedTokens, list: string, { capturedAt, id, total }: Position): string {
  return tokens.write(`${list} after`, [capturedAt.getTime(), id, total])
}

/** @throws DomainError `validation` for a token that is not of this list */
export function readPosition(tokens: SignedTokens, list: string, token: string): Position {
  const [time, id, total] = tokens.read(`${list} after`, token) ?? []
  if (typeof time !== 'number' || typeof id !== 'string' || !isUuid(id) || typeof total !== 'number') {
    throw new DomainError('validation', 'query.after is not a cursor of this list')
  }
  return { capturedAt: new Date(time), id, total }
}

export function writeAnchor(tokens: SignedTokens, list: string, { snapshot, now, total, views }: Anchor): string {
  return tokens.write(`${list} asOf`, [snapshot, now.getTime(), total, ...views])
}

/** @throws DomainError `validation` for a token that is not of this list */
export function readAnchor(tokens: SignedTokens, list: string, token: string): Anchor {
  const [snapshot, now, total, ...views] = tokens.read(`${list} asOf`, token) ?? []
  if (typeof snapshot !== 'string' || typeof now !== 'number' || typeof total !== 'number' || !views.every(isView)) {
    throw new DomainError('validation', 'query.asOf is not an anchor of this list')
  }
  return { snapshot, now: new Date(now), total, views }
}

function isView(value: unknown): value is AnchoredView {
  if (!Array.isArray(value)) return false
  const [robotId, visibleFrom] = value
  return typeof robotId === 'string' && (visibleFrom === null || typeof visibleFrom === 'string')
}
