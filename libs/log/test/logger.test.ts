import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from '@jest/globals'

const logger = fileURLToPath(new URL('../src/logger.ts', import.meta.url))

/** Runs statements with a logger named `log` in a process of its own. @returns what it wrote, line by line */
function write(statements: string, format: 'json' | 'pretty' = 'json'): string[] {
  const program = `
    import { createLogger } from ${JSON.stringify(logger)}
    const log = createLogger({ service: 'groups', level: 'info', format: '${format}' })
    ${statements}`
  const options = { encoding: 'utf8' as const }
  return execFileSync(process.execPath, ['--input-type=module', '-e', program], options).trim().split('\n')
}

const JWT = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl'
const KEY = 'pk_41bobq7VZ0Mw_GxUziIIkqa4Pkd7yY7Ed9v5LQziaF25y4BnPpS'

describe('a log line', () => {
  it('is one JSON object, with the message fixed and the rest in fields, the child’s among them', () => {
    const [line = ''] = write(`log.child({ requestId: 'r1' }).info('user blocked', { blockerId: 'b1' })`)
    expect(JSON.parse(line)).toMatchObject({
      level: 'info',
      message: 'user blocked',
      service: 'groups',
      requestId: 'r1',
      blockerId: 'b1',
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    })
  })

  it('holds no secret: not by the name of its field, however deep, and not by its shape', () => {
    const lines = write(`
      log.info('a', { password: 'hunter2', headers: { authorization: 'Bearer hunter2', 'x-api-key': 'hunter2' } })
      log.info('b', { path: '/groups?apikey=hunter2&x=1', note: 'token ${JWT}', key: '${KEY}' })
      log.info('c', { error: new Error('postgres://groups:hunter2@db/x failed with ${KEY}') })
      log.info('d ${JWT}')`)
    expect(lines).toHaveLength(4)
    expect(lines.join()).not.toMatch(/hunter2|eyJ|pk_4/)
    expect(lines[1]).toContain('x=1')
    expect(lines[2]).toContain('postgres://groups:')
  })

  it('shows an error with its stack', () => {
    const [line = ''] = write(`log.error('failed', { error: new TypeError('no') })`)
    expect(JSON.parse(line).error).toMatchObject({
      name: 'TypeError',
      message: 'no',
      stack: expect.stringContaining('at '),
    })
    expect(write(`log.error('failed', { error: new TypeError('no') })`, 'pretty').join('\n')).toContain('TypeError: no')
  })

  it('is not written below the level', () => {
    expect(write(`log.debug('x'); log.warn('y')`)).toHaveLength(1)
  })
})
