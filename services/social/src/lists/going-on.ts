import { DomainError } from '@platform/http/errors.ts'
import { type Page, type PageOf, type PageRequest, toPage } from '@platform/http/paging.ts'
import { Type } from 'typebox'
import type { Cursors, Position } from './cursor.ts'

/** In the query of a list that goes on at a cursor. */
export const After = Type.Optional(
  Type.String({
    maxLength: 1000,
    description:
      '`nextCursor` of the part before; without `page`. Read so, a list that changes meanwhile neither repeats an entry nor skips one that stays; page numbers can do both.',
  }),
)

export const NextCursor = Type.Optional(
  Type.String({ description: 'For `after`. Absent at the end; the part that it leads to may be empty.' }),
)

/** A page's schema with where the list goes on. */
export function goingOn<T extends ReturnType<typeof PageOf>>(page: T, title: string) {
  return Type.Object(
    { ...page.properties, nextCursor: NextCursor } as T['properties'] & { nextCursor: typeof NextCursor },
    {
      title,
    },
  )
}

/** A part of a list: a page by its number, or what comes after an entry. */
export interface PartRequest extends PageRequest {
  after?: Position
}

/** @throws DomainError `validation` for a cursor of another list, and for one beside a page's number */
export function readPart(
  cursors: Cursors,
  list: string,
  { after, ...page }: PageRequest & { after?: string },
): PartRequest {
  if (after === undefined) return page
  if (page.page > 0) throw new DomainError('validation', 'query.page and query.after exclude each other')
  return { ...page, after: cursors.read(list, after) }
}

/** A row of a list by time. */
interface Placed {
  id: string
  created_at: Date | string
}

/** @param rows what the part was made of, in order; not all of them have to be shown */
export function toPart<T>(
  cursors: Cursors,
  list: string,
  part: PartRequest,
  { data, total, rows }: { data: T[]; total: number; rows: Placed[] },
): Page<T> & { nextCursor?: string } {
  const last = rows.at(-1)
  // How many come before a cursor is not known, so that a full part may be followed by an empty one.
  const isLast = part.after ? rows.length < part.limit : (part.page + 1) * part.limit >= total
  const nextCursor =
    last && !isLast ? cursors.write(list, { id: last.id, createdAt: new Date(last.created_at) }) : undefined
  return { ...toPage(data, total, part), nextCursor }
}
