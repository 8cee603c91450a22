import { type Static, type TSchema, Type } from 'typebox'
import { ERROR_STATUS, type ErrorCode } from './errors.ts'

const UUID_PATTERN = '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$'

/** RFC 4122, any version, either case. The pattern keeps out the `urn:uuid:` form, which the database would refuse. */
export const Uuid = Type.String({ format: 'uuid', pattern: UUID_PATTERN, minLength: 36, maxLength: 36 })

const uuidPattern = new RegExp(UUID_PATTERN)
export const isUuid = (text: string): boolean => uuidPattern.test(text)

/** RFC 3339, UTC. */
export const DateTime = Type.String({ format: 'date-time' })

/** One of some texts, typed as their union. */
export function OneOf<const T extends string[]>(values: [...T], options: { default?: T[number]; title?: string } = {}) {
  return Type.Unsafe<T[number]>({ type: 'string', enum: values, ...options })
}

/** `schema` or null. */
export function Nullable<T extends TSchema>(schema: T) {
  return Type.Union([schema, Type.Null()])
}

export const ErrorAnswer = Type.Object(
  {
    errors: Type.Array(
      Type.Object({
        code: OneOf(Object.keys(ERROR_STATUS) as ErrorCode[]),
        message: Type.String(),
        endpoint: Type.String(),
        requestId: Type.String(),
      }),
      { minItems: 1 },
    ),
  },
  { title: 'Errors', description: 'One entry for each thing that is wrong.' },
)

export type ErrorAnswer = Static<typeof ErrorAnswer>
