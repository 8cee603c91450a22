import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type Platform, startPlatform } from '@platform/testing/platform.ts'
import { Validator } from '@seriousme/openapi-schema-validator'
import type { OpenApiDocument } from './openapi-samples.ts'

let platform: Platform
let document: OpenApiDocument
beforeAll(async () => {
  platform = await startPlatform()
  document = (await platform.nobody.get<OpenApiDocument>('/openapi.json')).body
})
afterAll(() => platform.stop())

describe('GET /openapi.json', () => {
  it('is a valid OpenAPI 3.1 document', async () => {
    const validator = new Validator()
    const { valid, errors } = await validator.validate({ ...structuredClone(document) })
    expect(errors).toBeUndefined()
    expect(valid).toBe(true)
    expect(validator.version).toBe('3.1')
  })

  it('has every service’s routes, each with an id of its own, and none that is internal', () => {
    const operations = Object.values(document.paths).flatMap((path) => Object.values(path))
    const ids = operations.map(({ operationId }) => operationId)
    expect(new Set(ids).size).toBe(ids.length)
    for (const path of ['/accounts', '/groups', '/moderation/queue', '/reports'])
      expect(document.paths).toHaveProperty([path])
    expect(Object.keys(document.paths).filter((path) => path.startsWith('/internal'))).toEqual([])
  })

  it('says for each route how it answers to bad input, to strangers and to too many requests', () => {
    for (const [path, operations] of Object.entries(document.paths)) {
      for (const [method, { responses, security }] of Object.entries(operations)) {
        const statuses = Object.keys(responses)
        expect([path, method, statuses.includes('429') || path.startsWith('/.well-known')]).toEqual([
          path,
          method,
          true,
        ])
        if (security?.length) expect([path, method, statuses.includes('401')]).toEqual([path, method, true])
      }
    }
  })
})
