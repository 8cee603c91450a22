import { describe, expect, it } from '@jest/globals'
import { Seal } from '../src/seal.ts'

const [OLD, NEW] = ['o'.repeat(32), 'n'.repeat(32)]
const sealOf = (secret: string, purpose = 'things') => new Seal({ variable: 'A_SECRET', secret, purpose })

describe('A sealed text', () => {
  it('gives nothing away, and is another one each time', () => {
    const seal = sealOf(NEW)
    const sealed = seal.seal('a text', 'a')
    expect(Buffer.from(sealed, 'base64').toString('latin1')).not.toContain('text')
    expect(seal.seal('a text', 'a')).not.toBe(sealed)
    expect(seal.open(sealed, 'a')).toBe('a text')
  })

  it('opens while its secret is one of those that are known', () => {
    const sealed = sealOf(OLD).seal('a text', 'a')
    expect(sealOf(`${NEW}, ${OLD}`).open(sealed, 'a')).toBe('a text')
    expect(() => sealOf(NEW).open(sealed, 'a')).toThrow('A_SECRET is not the one')
    expect(() => sealOf(OLD).open(sealOf(`${NEW},${OLD}`).seal('a text', 'a'), 'a')).toThrow('A_SECRET is not the one')
  })

  it('opens for nothing else, and not when it was changed', () => {
    const sealed = sealOf(NEW).seal('a text', 'a')
    expect(() => sealOf(NEW).open(sealed, 'b')).toThrow()
    expect(() => sealOf(NEW, 'other things').open(sealed, 'a')).toThrow()
    const bytes = Buffer.from(sealed, 'base64')
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
    expect(() => sealOf(NEW).open(bytes.toString('base64'), 'a')).toThrow()
    expect(() => sealOf(NEW).open('', 'a')).toThrow()
  })

  it('needs a long secret', () => {
    expect(() => sealOf(`${NEW},short`)).toThrow('A_SECRET needs 32 characters or more.')
  })
})
