import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { parseInstantInterval } from '../src/time/instant-interval.ts'
import { BAD_REQUEST, refusal } from './refusal.ts'

/** `HH:MM` */
function offsetText(minutes: number): string {
  return [minutes / 60, minutes % 60].map((value) => String(Math.floor(value)).padStart(2, '0')).join(':')
}

describe('parseInstantInterval', () => {
  const iso = (text: string) => {
    const { from, until } = parseInstantInterval(text)
    return [from?.toISOString(), until?.toISOString()]
  }

  it.each([
    ['2026-01-01T00:00:00Z/2026-02-01T00:00:00Z', '2026-01-01T00:00:00.000Z', '2026-02-01T00:00:00.000Z'],
    ['2026-01-01T00:00Z/..', '2026-01-01T00:00:00.000Z', undefined],
    ['../2026-01-01T00:00Z', undefined, '2026-01-01T00:00:00.000Z'],
    ['../..', undefined, undefined],
    ['2026-01-01T02:00:00+02:00/2026-01-01T00:00:00-05:30', '2026-01-01T00:00:00.000Z', '2026-01-01T05:30:00.000Z'],
    ['2026-01-01T00:00:00+0100/2026-01-01T00:00:00+01', '2025-12-31T23:00:00.000Z', '2025-12-31T23:00:00.000Z'],
    ['2026-01-01t00:00:00.5z/2026-01-01 00:00:00,75Z', '2026-01-01T00:00:00.500Z', '2026-01-01T00:00:00.750Z'],
    ['-004712-01-01T00:00:00Z/+275760-09-13T00:00:00Z', '-004712-01-01T00:00:00.000Z', '+275760-09-13T00:00:00.000Z'],
  ])('reads %s', (text, from, until) => {
    expect(iso(text)).toEqual([from, until])
  })

  it('rounds a bound up to the millisecond, before 1970 too', () => {
    expect(iso('2026-01-01T00:00:00.000000001Z/2026-01-01T00:00:00.001Z')).toEqual([
      '2026-01-01T00:00:00.001Z',
      '2026-01-01T00:00:00.001Z',
    ])
    expect(iso('1969-12-31T23:59:59.9981Z/1969-12-31T23:59:59.9999Z')).toEqual([
      '1969-12-31T23:59:59.999Z',
      '1970-01-01T00:00:00.000Z',
    ])
  })

  it.each([
    '',
    '/',
    '..',
    '.../..',
    '/2026-01-01T00:00Z',
    '2026-01-01T00:00Z/',
    '2026-01-01T00:00Z',
    '2026-01-01T00:00Z/../..',
    '2026-01-01T00:00:00/..',
    '2026-01-01/..',
    '2026-01-01T00:00:00 02:00/..',
    '2026-02-30T00:00Z/..',
    '2026-13-01T00:00Z/..',
    '2026-01-01T24:00:00Z/..',
    '2026-01-01T00:00:00+25:00/..',
    '2026-01-01T00:00Z/P1D',
    '20260101T000000Z/..',
    '2026-01-01T00:00:00+01:00[UTC]/..',
    '2026-01-01T00:00:00+01:00[Europe/Paris]/..',
    ' 2026-01-01T00:00Z/..',
    '2026-01-01T00:00Z/..\n',
    '1767225600/..',
    '-000000-01-01T00:00Z/..',
    '-004713-12-31T23:59:59Z/..',
    '../-271821-04-20T00:00Z',
    '../+275760-09-13T00:00:00.001Z',
    '../+294277-01-01T00:00:00Z',
    '../+999999-01-01T00:00:00Z',
    '2026-01-01T00:00:00.001Z/2026-01-01T00:00:00Z',
    '2026-01-01T00:00:00Z/2026-01-01T00:00:00+00:01',
    // Both sides round to the same millisecond, and are still in the wrong order.
    '2026-01-01T00:00:00.0002Z/2026-01-01T00:00:00.0001Z',
  ])('refuses %j as a bad request', (text) => {
    expect(refusal(() => parseInstantInterval(text))).toEqual(BAD_REQUEST)
  })

  it('reads back any two instants in order, at any offset, and refuses them the other way round', () => {
    const ms = fc.integer({ min: Date.UTC(1, 0, 2) - 1_900 * 365 * 86_400_000, max: 8.64e15 - 86_400_000 })
    const offset = fc.integer({ min: -(23 * 60 + 59), max: 23 * 60 + 59 })
    fc.assert(
      fc.property(ms, ms, offset, (a, b, minutes) => {
        const write = (epochMs: number) => {
          const sign = minutes < 0 ? '-' : '+'
          const local = new Date(epochMs + minutes * 60_000).toISOString().replace('Z', '')
          return `${local}${sign}${offsetText(Math.abs(minutes))}`
        }
        const [first, last] = a < b ? [a, b] : [b, a]
        const { from, until } = parseInstantInterval(`${write(first)}/${new Date(last).toISOString()}`)
        expect([from?.getTime(), until?.getTime()]).toEqual([first, last])
        fc.pre(first !== last)
        expect(refusal(() => parseInstantInterval(`${write(last)}/${write(first)}`))).toEqual(BAD_REQUEST)
      }),
    )
  })

  it('refuses any other text, and never fails otherwise', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[\dTZ:+./-]{0,40}$/)), (text) => {
        fc.pre(text !== '../..')
        expect(refusal(() => parseInstantInterval(text))).toEqual(BAD_REQUEST)
      }),
    )
  })
})
