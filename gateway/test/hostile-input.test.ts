import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Answer } from '@platform/testing/client.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { type Person, type Platform, startPlatform } from '@platform/testing/platform.ts'
import { onServer } from '@platform/testing/server.ts'
import { type Dispatcher, request } from 'undici'
import { type OpenApiDocument, type Operation, resolve, type Schema, sample } from './openapi-samples.ts'
import { UNKEPT, withEachText, wrongBodies } from './wrong-bodies.ts'

/**
 * Walks the merged OpenAPI document: every route with every kind of bad input. A service that comes later is covered by
 * being in the document. Nothing may be answered with 5xx, hang, or change a row.
 */

let platform: Platform
let person: Person
let document: OpenApiDocument
let routes: { method: Dispatcher.HttpMethod; path: string; operation: Operation }[]
const ids: Record<string, string> = {}

beforeAll(async () => {
  platform = await startPlatform({ env: { RATE_LIMITS: 'off', LOG_LEVEL: 'silent' } })
  person = platform.person({ roles: ['admin', 'moderator'] })
  document = (await platform.nobody.get<OpenApiDocument>('/openapi.json')).body
  routes = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({
      method: method.toUpperCase() as Dispatcher.HttpMethod,
      path,
      operation,
    })),
  )
  const group = { name: 'Runners', description: 'x', shortName: 'hostile_1', postRules: 'Everyone' }
  ids.groupId = (await person.post<{ id: string }>('/groups', group)).body.id
  ids.participantId = person.id
  // What the group's event brings about belongs to before the attacks.
  await eventually(async () => {
    const { rows } = await onServer(platform.database.adminUrl, (client) =>
      client.query('select from moderation.item where entity_id = $1', [ids.groupId]),
    )
    expect(rows).toHaveLength(1)
  })
})
afterAll(() => platform.stop())

const fill = (path: string, value?: string) =>
  path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(value ?? ids[name] ?? randomUUID()))

interface Attack {
  method: Dispatcher.HttpMethod
  path: string
  headers?: Record<string, string>
  body?: string | Buffer
  what: string
}

async function attack({ method, path, headers = {}, body }: Attack): Promise<Answer<string>> {
  const answer = await request(`${platform.url}${path}`, {
    method,
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...person.credential(), ...headers },
    body,
    // A hang is a failure of its own.
    headersTimeout: 15_000,
    bodyTimeout: 15_000,
  })
  return { status: answer.statusCode, headers: answer.headers, body: await answer.body.text() }
}

/** Runs attacks a few at a time. @returns those whose answer is not as it should be */
async function failures(attacks: Attack[], isFine: (answer: Answer<string>) => boolean): Promise<string[]> {
  const found: string[] = []
  const rest = [...attacks]
  const work = async () => {
    for (let next = rest.pop(); next; next = rest.pop()) {
      const answer = await attack(next).catch((error: Error) => ({ status: 0, headers: {}, body: error.message }))
      if (!isFine(answer)) found.push(`${next.method} ${next.path} with ${next.what}: ${answer.status} ${answer.body}`)
    }
  }
  await Promise.all(Array.from({ length: 8 }, work))
  return found
}

/** In the contract's form, or by parameter, as jobs tell it. */
const isRefusal = ({ status, body }: Answer<string>) => {
  if (status < 400 || status >= 500) return false
  const { errors, error } = JSON.parse(body)
  return Array.isArray(errors) || (typeof error === 'object' && Object.keys(error).length > 0)
}
const isNoFault = ({ status }: Answer<string>) => status >= 200 && status < 500

/** A number for all that the services have written; logs of use and positions in the event log may move. */
async function fingerprint(): Promise<unknown> {
  return onServer(platform.database.adminUrl, async (client) => {
    const { rows: tables } = await client.query<{ name: string }>(`
      select format('%I.%I', schemaname, tablename) as name from pg_tables
      where schemaname not in ('pg_catalog', 'information_schema', 'event_log')
        and tablename not in ('outbox', 'inbox', 'api_key') and tablename not like '%rate%' order by 1`)
    const sums: Record<string, unknown> = {}
    for (const { name } of tables) {
      const { rows } = await client.query(`select count(*), sum(hashtextextended(t::text, 0)) from ${name} t`)
      sums[name] = rows[0]
    }
    return sums
  })
}

function bodySchema({ requestBody }: Operation): Schema | undefined {
  const schema = requestBody?.content['application/json']?.schema
  return schema && resolve(document, schema)
}

describe('hostile input', () => {
  it('knows every route', () => {
    expect(routes.length).toBeGreaterThan(25)
  })

  it('is refused when it is a bad body, and changes nothing', async () => {
    const before = await fingerprint()
    const attacks = routes.flatMap(({ method, path, operation }) => {
      const schema = bodySchema(operation)
      if (!schema) return []
      const asJson = wrongBodies(document, schema).map(([what, body]) => ({ method, path: fill(path), body, what }))
      const valid = JSON.stringify(sample(document, schema))
      const otherTypes = [
        'text/plain',
        'application/xml',
        'multipart/form-data',
        'application/json; charset=utf-7',
        '\u00e4',
      ].map((type) => ({ method, path: fill(path), body: valid, what: type, headers: { 'content-type': type } }))
      const packed = { method, path: fill(path), body: valid, what: 'gzip', headers: { 'content-encoding': 'gzip' } }
      return [...asJson, ...otherTypes, packed]
    })
    expect(await failures(attacks, isRefusal)).toEqual([])
    expect(await fingerprint()).toEqual(before)
  })

  it('is no fault when nothing in it is known, however deep', async () => {
    const before = await fingerprint()
    const deep = `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`
    const attacks = routes
      // A new secret needs no parameter.
      .filter(({ operation }) => operation.requestBody && operation.operationId !== 'rotateJobSecret')
      .flatMap(({ method, path }) =>
        ['', '{}', deep].map((body) => ({ method, path: fill(path), body, what: body.slice(0, 20) })),
      )
    expect(await failures(attacks, isNoFault)).toEqual([])
    expect(await fingerprint()).toEqual(before)
  })

  it('is refused when it is a bad path', async () => {
    const before = await fingerprint()
    const wrongIds = [
      '1',
      'x'.repeat(8_000),
      "' or 1=1 --",
      '\0',
      '%00',
      '..',
      '../../etc',
      `${randomUUID()}x`,
      '{}',
      '-1',
      '💥',
    ]
    const goodPaths = new Set(routes.map(({ path }) => path))
    const attacks = routes
      .filter(({ path }) => path.includes('{'))
      .flatMap(({ method, path, operation }) => {
        const schema = bodySchema(operation)
        const body = schema && JSON.stringify(sample(document, schema))
        return wrongIds.map((id) => ({ method, path: fill(path, id), body, what: `the id ${id.slice(0, 20)}` }))
      })
      // A client resolves `..` by itself, and may arrive at a good path.
      .filter(({ path }) => !goodPaths.has(new URL(path, 'http://gateway').pathname))
    expect(await failures(attacks, isRefusal)).toEqual([])
    expect(await fingerprint()).toEqual(before)
  })

  it('is refused when it is a bad query, and never a fault', async () => {
    const before = await fingerprint()
    const reads = routes.filter(({ method }) => method === 'GET')
    const typed: Attack[] = []
    const loose: Attack[] = []
    for (const { method, path, operation } of reads) {
      for (const { name, schema } of operation.parameters.filter((parameter) => parameter.in === 'query')) {
        if (!name || !schema) continue
        const key = encodeURIComponent(name)
        const to = (value: string) => ({ method, path: `${fill(path)}?${value}`, what: value.slice(0, 60) })
        typed.push(to(`${key}=%00`), to(`${key}=a&${key}=b`))
        if (schema.type !== 'string' || schema.enum) {
          typed.push(to(`${key}=x`), to(`${key}=1e999`), to(`${key}=-99999999999999999999`), to(`${key}=%F0%28`))
        }
        loose.push(
          to(`${key}=%27%3B%20drop%20table%20x%3B--`),
          to(`${key}=%ff%fe`),
          to(`${key}=%ed%a0%80`),
          to(`${key}=`),
          to(`${key}[]=1`),
        )
        loose.push(
          to(`${key}[__proto__][polluted]=1`),
          to('__proto__[polluted]=1'),
          to('%'),
          to(`${key}=${'x'.repeat(7_000)}`),
        )
      }
    }
    expect(await failures(typed, isRefusal)).toEqual([])
    expect(await failures(loose, isNoFault)).toEqual([])
    expect(await fingerprint()).toEqual(before)
    expect({}).not.toHaveProperty('polluted')
  })

  it('is no fault when it is a strange text where texts are allowed', async () => {
    const strange = ["'; drop table account; --", '$1', '\r\nSet-Cookie: a=b', '<script>', '‮', '__proto__', '{{7*7}}']
    const attacks = routes.flatMap(({ method, path, operation }) => {
      const schema = bodySchema(operation)
      if (!schema) return []
      const valid = sample(document, schema) as Record<string, unknown>
      const texts = Object.entries(valid).filter(([, value]) => typeof value === 'string')
      const bodies = strange.flatMap((text) => texts.map(([name]) => JSON.stringify({ ...valid, [name]: text })))
      bodies.push(
        `{"__proto__":{"isAdmin":true},"constructor":{"prototype":{"polluted":1}},${JSON.stringify(valid).slice(1)}`,
      )
      return bodies.map((body) => ({ method, path: fill(path), body, what: body.slice(0, 200) }))
    })
    expect(await failures(attacks, isNoFault)).toEqual([])
    expect({}).not.toHaveProperty('polluted')
  })

  it('is refused when it is a text that cannot be kept, wherever it stands', async () => {
    const before = await fingerprint()
    const attacks = routes.flatMap(({ method, path, operation }): Attack[] => {
      const schema = bodySchema(operation)
      if (!schema) return []
      const valid = sample(document, schema) as Record<string, unknown>
      return UNKEPT.flatMap((text) =>
        [...withEachText(valid, text), { ...valid, unknown: [text] }, { ...valid, [text]: 1 }].map((bad) => {
          const body = JSON.stringify(bad)
          return { method, path: fill(path), body, what: body.slice(0, 200) }
        }),
      )
    })
    for (const text of UNKEPT) {
      const body = JSON.stringify({ text, mentions: [{ mentionedUserId: person.id, mentionText: text }] })
      attacks.push({ method: 'POST', path: '/posts', body, what: body })
    }
    const job = { method: 'POST' as const, path: '/jobs.json' }
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    for (const text of ['%00', '%ed%a0%80', '%ff']) {
      const body = `job[uri]=http://example.com/&job[at]=2030-01-01T00:00:00Z&job[body]=${text}`
      attacks.push({ ...job, path: `${job.path}?${body}`, body: '{}', what: `the query ${text}` })
      attacks.push({ ...job, body, headers: form, what: `the form ${text}` })
    }
    for (const text of ['\\0', '\\ud800']) {
      const body = `{'job': {'uri': 'http://example.com/', 'at': '2030-01-01T00:00:00Z', 'body': '${text}'}}`
      attacks.push({ ...job, body, what: `JSON5 with ${text}` }, { ...job, body: `{'apikey': '${text}'}`, what: body })
    }
    expect(await failures(attacks, isRefusal)).toEqual([])
    expect(await fingerprint()).toEqual(before)
  })

  it('is refused when it is an unknown verb', async () => {
    const before = await fingerprint()
    const attacks = routes.flatMap(({ path }) => {
      const known = new Set(Object.keys(document.paths[path] ?? {}))
      const verbs = ['PUT', 'PATCH', 'DELETE', 'POST', 'TRACE', 'PROPFIND'].filter(
        (verb) => !known.has(verb.toLowerCase()),
      )
      return verbs.map((method) => ({ method: method as Dispatcher.HttpMethod, path: fill(path), what: 'that verb' }))
    })
    expect(await failures(attacks, isRefusal)).toEqual([])
    expect(await fingerprint()).toEqual(before)
  })
})
