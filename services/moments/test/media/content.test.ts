import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { toStoredContentType } from '../../src/media/content-types.ts'
import { matchesContentType } from '../../src/media/sniff.ts'
import { parseRange } from '../../src/media/store/byte-range.ts'
import { contentDisposition, safeFileName } from '../../src/media/store/content-disposition.ts'
import { isMediaKey, mediaKey } from '../../src/media/store/media-key.ts'

describe('the stored content type', () => {
  it.each([
    ['image/jpeg', 'image/jpeg'],
    ['IMAGE/JPEG', 'image/jpeg'],
    ['text/plain; charset=utf-8', 'text/plain'],
    ['image/svg+xml', 'application/octet-stream'],
    ['text/html', 'application/octet-stream'],
    ['text/html;image/png', 'application/octet-stream'],
    ['application/xhtml+xml', 'application/octet-stream'],
    ['image/jpeg\r\nx: y', 'application/octet-stream'],
    ['constructor', 'application/octet-stream'],
    ['', 'application/octet-stream'],
  ])('of an announced %j is %s', (announced, stored) => {
    expect(toStoredContentType(announced)).toBe(stored)
  })
})

describe('the first bytes of a file', () => {
  const ftyp = (brand: string) => Buffer.from(`\0\0\0\x20ftyp${brand}\0\0\0\0`, 'latin1')
  const files: Record<string, [Buffer, string[]]> = {
    jpeg: [Buffer.from('ffd8ffe000104a464946', 'hex'), ['image/jpeg']],
    png: [Buffer.from('89504e470d0a1a0a0000000d', 'hex'), ['image/png']],
    gif: [Buffer.from('GIF89a...'), ['image/gif']],
    webp: [Buffer.from('RIFF\x01\x02\x03\x04WEBPVP8 ', 'latin1'), ['image/webp']],
    avif: [ftyp('avif'), ['image/avif']],
    heic: [ftyp('heic'), ['image/heic']],
    mp4: [ftyp('isom'), ['video/mp4', 'video/quicktime', 'audio/mp4']],
    m4a: [ftyp('M4A '), ['video/mp4', 'video/quicktime', 'audio/mp4']],
    quicktime: [Buffer.from('\0\0\0\x08wide\0\0\0\0mdat', 'latin1'), ['video/quicktime']],
    webm: [Buffer.from('1a45dfa39f4286810142f7', 'hex'), ['video/webm']],
    mp3: [Buffer.from('fffb90640000', 'hex'), ['audio/mpeg']],
    'mp3 with tags': [Buffer.from('ID3\x04\0\0'), ['audio/mpeg']],
    ogg: [Buffer.from('OggS\0\x02'), ['audio/ogg']],
    wav: [Buffer.from('RIFF\x01\x02\x03\x04WAVEfmt '), ['audio/wav']],
    html: [Buffer.from('<!DOCTYPE html><script>alert(1)</script>'), []],
    'html in UTF-16': [Buffer.from('\ufeff<html>', 'utf16le'), []],
    svg: [Buffer.from('<svg xmlns="http://www.w3.org/2000/svg">'), []],
    empty: [Buffer.alloc(0), []],
    short: [Buffer.from([0xff]), []],
  }
  const signed = [...new Set(Object.values(files).flatMap(([, types]) => types))]

  it.each(Object.keys(files))('of %s match exactly the types that it can be', (name) => {
    const [bytes, types] = files[name] ?? [Buffer.alloc(0), []]
    expect(signed.filter((type) => matchesContentType(bytes, type)).toSorted()).toEqual(types.toSorted())
  })

  it('match every type that has no signature', () => {
    for (const type of ['application/json', 'text/plain', 'application/octet-stream', 'constructor']) {
      expect(matchesContentType(Buffer.from('<html>'), type)).toBe(true)
    }
  })
})

describe('a range', () => {
  it.each<[string | undefined, ReturnType<typeof parseRange>]>([
    [undefined, undefined],
    ['', undefined],
    ['bytes=0-99', { start: 0, end: 99 }],
    ['Bytes=5-5', { start: 5, end: 5 }],
    ['bytes=90-1000', { start: 90, end: 99 }],
    ['bytes=90-', { start: 90, end: 99 }],
    ['bytes=-10', { start: 90, end: 99 }],
    ['bytes=-1000', { start: 0, end: 99 }],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=100-', 'unsatisfiable'],
    ['bytes=99999999999999999999999-', 'unsatisfiable'],
    ['bytes=5-4', undefined],
    ['bytes=-', undefined],
    ['bytes=', undefined],
    ['bytes=a-b', undefined],
    ['bytes=0-1,3-4', undefined],
    ['bytes=0 - 1', undefined],
    ['bytes=--1', undefined],
    ['items=0-1', undefined],
  ])('%j of 100 bytes is %j', (header, range) => {
    expect(parseRange(header, 100)).toEqual(range)
  })

  it('of nothing is never satisfiable', () => {
    for (const header of ['bytes=0-', 'bytes=-1', 'bytes=0-0']) expect(parseRange(header, 0)).toBe('unsatisfiable')
  })

  it('lies within the content, whatever was asked for', () => {
    fc.assert(
      fc.property(fc.nat(1_000), fc.nat(1_200), fc.nat(1_200), fc.nat(3), (bytes, first, last, form) => {
        const header = [`bytes=${first}-${last}`, `bytes=${first}-`, `bytes=-${last}`, `${first}-${last}`][form]
        const range = parseRange(header, bytes)
        if (typeof range !== 'object') return
        expect(range.start).toBeGreaterThanOrEqual(0)
        expect(range.end).toBeGreaterThanOrEqual(range.start)
        expect(range.end).toBeLessThan(bytes)
      }),
    )
  })
})

describe('a file name', () => {
  it.each([
    ['kitchen.jpg', 'kitchen.jpg'],
    ['../../etc/passwd', '_.._etc_passwd'],
    ['..\\boot.ini', '_boot.ini'],
    ['a"; filename="b.html', 'a__ filename=_b.html'],
    ['a\r\nSet-Cookie: x', 'aSet-Cookie_ x'],
    ['\u202egpj.exe', 'gpj.exe'],
    ['.htaccess', 'htaccess'],
    ['  ', 'media'],
    ['', 'media'],
    ['\ud800', 'media'],
  ])('%j becomes %j', (name, safe) => {
    expect(safeFileName(name)).toBe(safe)
  })

  it('stands in the header in ASCII and, where that loses something, in UTF-8', () => {
    expect(contentDisposition('image/png', 'Küche (1).png')).toBe(
      `inline; filename="K_che (1).png"; filename*=UTF-8''K%C3%BCche%20%281%29.png`,
    )
    expect(contentDisposition('application/octet-stream')).toBe('attachment; filename="media"')
  })

  it('is always a header of one line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (name) => {
        expect(contentDisposition('image/png', name)).toMatch(
          /^inline; filename="[^"\\/\x00-\x1f\x7f]{1,200}"(; filename\*=UTF-8''[\w.~!#$&+^`|%-]+)?$/,
        )
      }),
    )
  })
})

describe('a media key', () => {
  it('is made of our ids, in lower case', () => {
    const id = '0B0E3C1A-4C4E-4F52-8F0D-4D8D3A11C0A8'
    const key = mediaKey({ robotId: id, groupId: id, mediaId: id })
    expect(key).toBe([id, id, id].join('/').toLowerCase())
    expect(isMediaKey(key)).toBe(true)
  })

  it.each(['..', '.', '', 'a/b', 'a\\b', 'a\0', '%2e', 'a b', 'é', 'x'.repeat(65), '-a', 'a-'])(
    'is never made with the id %j',
    (id) => {
      expect(() => mediaKey({ robotId: 'robot', groupId: id, mediaId: 'media' })).toThrow('media key')
    },
  )

  it('has nothing that a URL or a file system reads in another way', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        const key = `a/b/${text}`
        if (isMediaKey(key)) expect(new URL(`http://x/${key}`).pathname).toBe(`/${key}`)
      }),
    )
  })
})
