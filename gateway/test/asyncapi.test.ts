import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { asyncApiDocument } from '@platform/contracts/asyncapi.ts'
import { type Platform, startPlatform } from '@platform/testing/platform.ts'
import { parse } from 'yaml'

let platform: Platform
beforeAll(async () => {
  platform = await startPlatform()
})
afterAll(() => platform.stop())

it('GET /asyncapi.yaml gives everybody the events of all processes', async () => {
  const answer = await platform.nobody.get<string>('/asyncapi.yaml')
  expect([answer.status, answer.headers['content-type']]).toEqual([200, 'application/yaml; charset=utf-8'])
  expect(parse(answer.body)).toEqual(asyncApiDocument())
})
