import { type TSchema, Type } from 'typebox'

/** The query of a list: `page` counts from 0. */
export const PageQuery = {
  page: Type.Integer({ minimum: 0, maximum: 2_147_483_647, default: 0, description: 'Page number, from 0.' }),
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 10, description: 'Entries on a page.' }),
}

/** Which part of a list is asked for. */
export interface PageRequest {
  page: number
  limit: number
}

/** A part of a list, with the number of all its entries. */
export interface Page<T> {
  data: T[]
  count: number
  /** Same as `page`, as the first clients read it. */
  currentPage: number
  page: number
  /** Same as `limit`, as the first clients read it. */
  pageSize: number
  limit: number
  total: number
}

const Count = Type.Integer({ minimum: 0 })

/** The answer's schema of a list of `item`. */
export function PageOf<T extends TSchema>(item: T, title: string) {
  return Type.Object(
    {
      data: Type.Array(item),
      count: Count,
      currentPage: Type.Integer({ minimum: 0, deprecated: true, description: 'Use `page`.' }),
      page: Count,
      pageSize: Type.Integer({ minimum: 1, deprecated: true, description: 'Use `limit`.' }),
      limit: Type.Integer({ minimum: 1 }),
      total: Count,
    },
    { title },
  )
}

export function toPage<T>(data: T[], total: number, { page, limit }: PageRequest): Page<T> {
  return { data, count: data.length, currentPage: page, page, pageSize: limit, limit, total }
}
