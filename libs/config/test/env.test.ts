import { describe, expect, it } from '@jest/globals'
import { Type } from 'typebox'
import { DEVELOPMENT_SECRET, readEnv, requireOwnSecrets } from '../src/env.ts'

const Env = Type.Object({
  PORT: Type.Integer({ minimum: 0, maximum: 65_535, default: 3000 }),
  DATABASE_URL: Type.String({ minLength: 1 }),
  IS_ON: Type.Boolean({ default: false }),
})

describe('readEnv', () => {
  it('coerces texts, fills in defaults, and takes an empty variable for an absent one', () => {
    expect(readEnv({ DATABASE_URL: 'postgres://x', PORT: '', IS_ON: 'true', OTHER: 'x' }, Env)).toEqual({
      DATABASE_URL: 'postgres://x',
      PORT: 3000,
      IS_ON: true,
    })
  })

  it('names every variable that is missing or wrong in one message, and no value', () => {
    const read = () => readEnv({ PORT: 'hunter2', IS_ON: 'perhaps' }, Env)
    expect(read).toThrow(/DATABASE_URL is missing/)
    expect(read).toThrow(/PORT must be integer/)
    expect(read).toThrow(/IS_ON must be boolean/)
    expect(read).not.toThrow(/hunter2|perhaps/)
  })
})

describe('requireOwnSecrets', () => {
  it('refuses in production what everybody could know, and names it', () => {
    const secrets = { A_SECRET: DEVELOPMENT_SECRET, B_SECRET: 'of our own' }
    expect(() => requireOwnSecrets({ NODE_ENV: 'production' }, secrets)).toThrow(/A_SECRET/)
    expect(() => requireOwnSecrets({ NODE_ENV: 'production' }, secrets)).not.toThrow(/B_SECRET/)
    expect(() => requireOwnSecrets({ NODE_ENV: 'development' }, secrets)).not.toThrow()
  })
})
