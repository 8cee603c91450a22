import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { DEVELOPMENT_SECRET } from '@platform/config/env.ts'
import type { OpenApiPart } from '@platform/http/openapi.ts'
import { compileOutput } from '@platform/http/validation.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { ServiceCaller } from '@platform/testing/service-client.ts'
import { JobCallback, JobFailureCallback } from '../src/callbacks/payload.ts'
import { type Scheduler, startScheduler } from './harness.ts'
import { startTarget, type Target } from './target.ts'

interface Operation {
  requestBody?: { required: boolean; content: Record<string, object> }
  callbacks?: Record<string, Record<string, { post: { parameters: { name: string }[]; requestBody?: object } }>>
}

let scheduler: Scheduler
let target: Target
let paths: Record<string, Record<string, Operation>>
beforeAll(async () => {
  target = await startTarget()
  scheduler = await startScheduler()
  const internal = new ServiceCaller(scheduler.url, DEVELOPMENT_SECRET, {}, { issuer: 'internal' })
  paths = (await internal.get<OpenApiPart>('/internal/openapi.json')).body.paths as typeof paths
})
afterAll(async () => {
  await scheduler.stop()
  await target.stop()
})

describe('The document', () => {
  it('says what is sent for a job, and it is what is sent', async () => {
    const { callbacks = {} } = paths['/jobs.json']?.post ?? {}
    const [request, callback, failure] = ['uri', 'callback_uri', 'failure_callback_uri'].map((name) =>
      Object.values(callbacks)
        .map((one) => one[`{$request.body#/job/${name}}`]?.post)
        .find((post) => post),
    )
    const ana = await scheduler.account()
    const at = scheduler.time.date().toISOString()
    await ana.schedule({ at, uri: `${target.url}/asked`, callback_uri: `${target.url}/told` })
    target.answer('/broken', (res) => res.destroy())
    const id = await ana.schedule({
      at,
      uri: `${target.url}/broken`,
      limit: 1,
      failure_callback_uri: `${target.url}/told-of-failure`,
    })
    await eventually(async () => expect((await ana.job(id)).status).toBe('retrying'))
    scheduler.time.advance(10_000)
    for (const [post, path, shape] of [
      [request, '/asked', undefined],
      [callback, '/told', JobCallback],
      [failure, '/told-of-failure', JobFailureCallback],
    ] as const) {
      await eventually(() => expect(target.at(path)).toHaveLength(1))
      const { headers, body = '' } = target.at(path)[0] ?? {}
      const sent = Object.keys(headers ?? {}).filter((name) => name.startsWith('webhook-'))
      expect(post?.parameters.map(({ name }) => name).sort()).toEqual(sent.sort())
      expect(post?.requestBody !== undefined).toBe(shape !== undefined)
      if (shape) expect(compileOutput(shape)(JSON.parse(body))).toEqual([])
    }
    expect(JSON.parse(target.at('/told-of-failure')[0]?.body ?? '')).toMatchObject({ error: expect.any(String) })
  })

  it('says that parameters come in other ways than as JSON, but for a batch', () => {
    const ways = Object.entries(paths).flatMap(([path, operations]) =>
      Object.values(operations).flatMap(({ requestBody }) =>
        requestBody ? [[path, requestBody.required, Object.keys(requestBody.content).length]] : [],
      ),
    )
    expect(ways).toEqual([
      ['/jobs/settings.json', false, 2],
      ['/jobs/settings/secret/rotate.json', false, 2],
      ['/jobs/batch.json', true, 1],
      ['/jobs/preview.json', false, 2],
      ['/jobs.json', false, 2],
      ['/jobs/{id}.json', false, 2],
    ])
  })
})
