import { DomainError } from '@platform/http/errors.ts'
import { isUuid } from '@platform/http/schemas.ts'
import { type Static, Type } from 'typebox'

export const MAX_BATCH = 100

/** A batch's body. The handler checks the array, since the source document fixes the messages and their order. */
export const Batch = Type.Object(
  {
    momentUUIDs: Type.Optional(Type.Unsafe<unknown>({ description: `1 to ${MAX_BATCH} distinct UUIDs.` })),
  },
  { title: 'MomentBatch' },
)

/**
 * Returns the ids of a batch, in lower case.
 *
 * @param verb for the message, such as `delete`
 * @throws DomainError `validation`: no array or an empty one, then too many, then no UUID, then one that is there twice
 */
export function readBatch({ momentUUIDs }: Static<typeof Batch>, verb: string): string[] {
  if (!Array.isArray(momentUUIDs) || momentUUIDs.length === 0) throw invalid('Invalid moment UUID array')
  if (momentUUIDs.length > MAX_BATCH) throw invalid(`You can not ${verb} that many moments in one batch`)
  const texts = momentUUIDs.filter((id) => typeof id === 'string' && isUuid(id))
  if (texts.length < momentUUIDs.length) throw invalid('At least one of the moment UUIDs is not valid')
  const ids = new Set(texts.map((id) => String(id).toLowerCase()))
  if (ids.size < texts.length) throw invalid('Invalid moment UUID array')
  return [...ids]
}

const invalid = (message: string) => new DomainError('validation', message)
