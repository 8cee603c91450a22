/**
 * Arrays as PostgreSQL has them on the wire, for statements that write many rows at once: as text, each element would be
 * quoted here and parsed there, which costs as much as writing the row. pg passes a Buffer on as it is, so a parameter
 * that is given one of these has to be cast to the array's type: `${texts(names)}::text[]`.
 *
 * https://github.com/postgres/postgres/blob/REL_18_STABLE/src/backend/utils/adt/arrayfuncs.c (array_recv)
 */

// Of the elements' types, as in pg_type.
const OID = { boolean: 16, bytea: 17, bigint: 20, integer: 23, text: 25, timestamptz: 1184, uuid: 2950, jsonb: 3802 }

const HEADER_BYTES = 20
const LENGTH_BYTES = 4
const NULL = -1
const EPOCH_2000_MS = 946_684_800_000
const TWO_32 = 2 ** 32

type Values<T> = readonly (T | null)[]

/** Writes an element at an offset, and says how long it is. */
type Write<T> = (target: Buffer, value: T, offset: number) => number

function encode<T>(oid: number, values: Values<T>, bytes: number, write: Write<T>): Buffer {
  const target = Buffer.allocUnsafe(HEADER_BYTES + LENGTH_BYTES * values.length + bytes)
  const isEmpty = values.length === 0
  target.writeInt32BE(isEmpty ? 0 : 1, 0)
  target.writeInt32BE(values.includes(null) ? 1 : 0, 4)
  target.writeInt32BE(oid, 8)
  if (isEmpty) return target.subarray(0, 12)
  target.writeInt32BE(values.length, 12)
  target.writeInt32BE(1, 16)
  let offset = HEADER_BYTES
  for (const value of values) {
    const length = value === null ? NULL : write(target, value, offset + LENGTH_BYTES)
    target.writeInt32BE(length, offset)
    offset += LENGTH_BYTES + Math.max(length, 0)
  }
  return target.subarray(0, offset)
}

function writeInt64(target: Buffer, value: number, offset: number): number {
  target.writeInt32BE(Math.floor(value / TWO_32), offset)
  target.writeUInt32BE(value - Math.floor(value / TWO_32) * TWO_32, offset + 4)
  return 8
}

/** The longest that texts can be as UTF-8. */
const roomFor = (values: Values<string>, more: number) =>
  values.reduce((sum, value) => sum + (value === null ? 0 : 3 * value.length + more), 0)

/** `text[]`. PostgreSQL refuses a NUL in it. */
export const texts = (values: Values<string>): Buffer =>
  encode(OID.text, values, roomFor(values, 0), (target, value, offset) => target.write(value, offset))

/** `jsonb[]`, of JSON texts. */
export const jsons = (values: Values<string>): Buffer =>
  encode(OID.jsonb, values, roomFor(values, 1), (target, value, offset) => {
    // The version of the format.
    target[offset] = 1
    return 1 + target.write(value, offset + 1)
  })

/** `integer[]` */
export const integers = (values: Values<number>): Buffer =>
  encode(OID.integer, values, 4 * values.length, (target, value, offset) => target.writeInt32BE(value, offset) - offset)

/** `bigint[]`, as far as a number is exact. */
export const bigints = (values: Values<number>): Buffer => encode(OID.bigint, values, 8 * values.length, writeInt64)

/** `boolean[]` */
export const booleans = (values: Values<boolean>): Buffer =>
  encode(
    OID.boolean,
    values,
    values.length,
    (target, value, offset) => target.writeUInt8(Number(value), offset) - offset,
  )

/** `timestamptz[]` */
export const instants = (values: Values<Date>): Buffer =>
  encode(OID.timestamptz, values, 8 * values.length, (target, value, offset) =>
    writeInt64(target, (value.getTime() - EPOCH_2000_MS) * 1_000, offset),
  )

/** `uuid[]`, of texts with hyphens. */
export const uuids = (values: Values<string>): Buffer =>
  encode(OID.uuid, values, 16 * values.length, (target, value, offset) =>
    target.write(value.replaceAll('-', ''), offset, 'hex'),
  )

/** `bytea[]` */
export const byteStrings = (values: Values<Uint8Array>): Buffer =>
  encode(
    OID.bytea,
    values,
    values.reduce((sum, value) => sum + (value?.length ?? 0), 0),
    (target, value, offset) => {
      target.set(value, offset)
      return value.length
    },
  )
