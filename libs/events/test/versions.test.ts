import { describe, expect, it } from '@jest/globals'
import { causedBy, parseCloudEvent } from '../src/cloud-event.ts'
import { InvalidEvent, VersionGap } from '../src/failures.ts'
import { nextVersion } from '../src/versions.ts'
import { envelope } from './consumer-harness.ts'

const at = (entityversion: number, snapshot?: boolean) =>
  parseCloudEvent(envelope({ subject: 'a', entityversion, snapshot }))

describe('nextVersion', () => {
  it.each([
    [undefined, 1, false, 'apply'],
    [1, 2, false, 'apply'],
    [1, 1, false, 'stale'],
    [7, 3, false, 'stale'],
    [undefined, 9, true, 'apply'],
    [2, 9, true, 'apply'],
    [9, 9, true, 'stale'],
  ])('with version %s here and %s arriving (snapshot: %s): %s', (current, version, snapshot, expected) => {
    expect(nextVersion(current, at(version, snapshot))).toBe(expected)
  })

  it.each([
    [undefined, 2],
    [1, 3],
  ])('with version %s here and %s arriving there is a gap', (current, version) => {
    expect(() => nextVersion(current, at(version))).toThrow(VersionGap)
  })
})

describe('parseCloudEvent', () => {
  const good: Record<string, unknown> = JSON.parse(envelope({ subject: 'a', entityversion: 1 }))

  it('takes what it does not know along', () => {
    expect(parseCloudEvent(JSON.stringify({ ...good, partitionkey: 'b' }))).toMatchObject({ subject: 'a' })
  })

  it.each([
    ['', '{'],
    ['null', 'null'],
    ['another version of CloudEvents', JSON.stringify({ ...good, specversion: '0.3' })],
    ['no subject', JSON.stringify({ ...good, subject: undefined })],
    ['a time that is none', JSON.stringify({ ...good, time: 'yesterday' })],
    ['a version that is text', JSON.stringify({ ...good, entityversion: '1' })],
    ['an id with a NUL', JSON.stringify({ ...good, id: 'a\0b' })],
    ['an endless id', JSON.stringify({ ...good, id: 'a'.repeat(10_000) })],
  ])('refuses %s', (_, text) => {
    expect(() => parseCloudEvent(text)).toThrow(InvalidEvent)
  })
})

describe('causedBy', () => {
  it('continues the trace, and keeps the actor', () => {
    const trace = '0af7651916cd43dd8448eb211c80319c'
    const traceparent = `00-${trace}-b7ad6b7169203331-01`
    const event = parseCloudEvent(envelope({ subject: 'a', entityversion: 1, traceparent, actorid: 'ana' }))
    const cause = causedBy(event, new Date(0))
    expect(cause).toMatchObject({ at: new Date(0), actorId: 'ana' })
    expect(cause.traceparent).toMatch(new RegExp(`^00-${trace}-[0-9a-f]{16}-01$`))
    expect(cause.traceparent).not.toBe(traceparent)
  })
})
