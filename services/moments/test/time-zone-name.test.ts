import { describe, expect, it } from '@jest/globals'
import { isKnownTimeZone, normalizeTimeZone } from '../src/time/wall-clock.ts'

const ZONES = Intl.supportedValuesOf('timeZone')

describe('normalizeTimeZone', () => {
  it('knows every zone of Intl in any letter case and returns the canonical one', () => {
    const wrong = ZONES.filter(
      (zone) => normalizeTimeZone(zone.toLowerCase()) !== zone || normalizeTimeZone(zone.toUpperCase()) !== zone,
    )
    expect(wrong).toEqual([])
  })

  it.each(['Asia/Calcutta', 'Asia/Kolkata', 'Europe/Kyiv', 'US/Pacific', 'UTC', 'GMT', 'Etc/GMT-2', 'EST5EDT'])(
    'keeps the name %s, also where it is a link to another zone',
    (name) => {
      expect(normalizeTimeZone(name)).toBe(name)
      expect(isKnownTimeZone(name)).toBe(true)
    },
  )

  it.each([
    '+02:00',
    '-05',
    '+0530',
    '\u221202:00',
    '',
    ' ',
    'Z',
    'Mars/Olympus_Mons',
    'Europe/Paris ',
    'Europe/Paris\0',
    '../etc/localtime',
    'localtime',
    'Europe',
    '2026-01-01T00:00:00Z',
    '2026-01-01T00:00:00+01:00[Europe/Paris]',
  ])('refuses %j', (text) => {
    expect(normalizeTimeZone(text)).toBeUndefined()
    expect(isKnownTimeZone(text)).toBe(false)
  })
})
