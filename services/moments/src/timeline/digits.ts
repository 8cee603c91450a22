import { parse } from 'node:querystring'
import { DomainError } from '@platform/http/errors.ts'

const DIGITS = /^\d+$/

/**
 * Checks that numbers of a query were written in decimal digits: the check of the query itself takes `1e1` and `0x10`, too.
 *
 * @param path with the query
 * @throws DomainError `validation`
 */
export function requireDigits(path: string, names: readonly string[]): void {
  const mark = path.indexOf('?')
  if (mark === -1) return
  const values = parse(path.slice(mark + 1))
  const faulty = names.filter((name) => values[name] !== undefined && !DIGITS.test(String(values[name])))
  if (faulty.length === 0) return
  const messages = faulty.map((name) => `query.${name} must be written in decimal digits`)
  throw new DomainError('validation', 'The input is not valid.', { messages })
}
