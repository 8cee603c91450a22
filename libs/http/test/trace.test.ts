import { describe, expect, it } from '@jest/globals'
import { acceptRequestId, continueTrace } from '../src/trace.ts'

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'

describe('continueTrace', () => {
  it('keeps the trace and its flags, and adds a span of its own', () => {
    const next = continueTrace(`00-${traceId}-00f067aa0ba902b7-00`)
    expect(next).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`))
    expect(next).not.toContain('00f067aa0ba902b7')
  })

  it('takes what a later version adds', () => {
    expect(continueTrace(`01-${traceId}-00f067aa0ba902b7-01-more`)).toContain(traceId)
  })

  it.each([
    undefined,
    '',
    'rubbish',
    `ff-${traceId}-00f067aa0ba902b7-01`,
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    `00-${traceId}-${'0'.repeat(16)}-01`,
    `00-${traceId.toUpperCase()}-00f067aa0ba902b7-01`,
  ])('begins a new trace for %s', (traceparent) => {
    const begun = continueTrace(traceparent)
    expect(begun).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
    expect(begun).not.toContain(traceId)
  })
})

describe('acceptRequestId', () => {
  it('takes short plain ids only', () => {
    expect(acceptRequestId('a-B_1.2')).toBe('a-B_1.2')
    for (const id of [undefined, '', 'x'.repeat(129), 'a b', 'a\nb', '"']) expect(acceptRequestId(id)).toBeUndefined()
  })
})
