import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { type ClientRequest, request } from 'node:http'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { eventually } from '@platform/testing/eventually.ts'
import { openFileStore } from '../../src/media/store/file-store.ts'
import { inMinutes, sample, send, sha256Of, upload, withHeaders } from './clients.ts'
import { quiet, type RunningFileStore, type SignedRequest, startFileStore, TEST_SECRET } from './stores.ts'

let tested: RunningFileStore
beforeAll(async () => {
  tested = await startFileStore()
})
afterAll(() => tested.stop())

const incoming = (folder = tested.folder) => readdirSync(join(folder, 'incoming'))

/** Sends a part of an upload, and leaves the request open. */
function begin({ method, url, headers }: SignedRequest, part: Buffer): ClientRequest {
  const req = request(url, { method, headers, agent: false })
  req.on('error', () => {})
  req.write(part)
  return req
}

describe('an upload to the file store', () => {
  it('leaves nothing when the client goes away in the middle of it', async () => {
    const { body, grant } = sample(2_000_000)
    const req = begin(await tested.store.presignUpload(grant), body.subarray(0, 1_500_000))
    await eventually(() => expect(incoming()).toHaveLength(1))
    req.destroy()
    await eventually(() => expect(incoming()).toEqual([]))
    expect(await tested.store.exists(grant.key)).toBe(false)
  })

  it('is not seen before all of it has arrived', async () => {
    const { body, grant } = sample(2_000_000)
    const req = begin(await tested.store.presignUpload(grant), body.subarray(0, 1_999_999))
    await eventually(() => expect(incoming()).toHaveLength(1))
    expect(await tested.store.exists(grant.key)).toBe(false)
    req.end(body.subarray(1_999_999))
    await eventually(async () => expect(await tested.store.exists(grant.key)).toBe(true))
    expect(incoming()).toEqual([])
  })

  it.each<[string, number, number, (body: Buffer) => Buffer]>([
    ['longer', 413, 3_000, (body) => Buffer.concat([body, Buffer.alloc(1)])],
    ['much longer', 413, 3_000, (body) => Buffer.concat([body, Buffer.alloc(3_000_000)])],
    ['shorter', 400, 3_000, (body) => body.subarray(1)],
    ['empty', 400, 3_000, () => Buffer.alloc(0)],
    ['different', 400, 3_000, (body) => Buffer.from(body).fill(0, 0, 1)],
  ])('of a %s content than announced is answered with %i, with and without its length', async (...row) => {
    const [, status, bytes, change] = row
    const { body, grant } = sample(bytes)
    const presigned = await tested.store.presignUpload(grant)
    const sent = change(body)
    const { 'content-length': _, ...rest } = presigned.headers
    const chunked = { ...presigned, headers: { ...rest, 'transfer-encoding': 'chunked' } }
    for (const attempt of [withHeaders(presigned, { 'content-length': String(sent.length) }), chunked]) {
      const answer = await send(attempt, sent)
      expect(answer.status).toBe(status)
      expect(JSON.parse(answer.body.toString()).errors).toHaveLength(1)
    }
    expect(await tested.store.exists(grant.key)).toBe(false)
    expect(incoming()).toEqual([])
  })

  it('without its length is stored when it is the announced content', async () => {
    const { body, grant } = sample(100_000)
    const { method, url, headers } = await tested.store.presignUpload(grant)
    const chunked = { 'content-type': headers['content-type'] ?? '', 'transfer-encoding': 'chunked' }
    expect((await send({ method, url, headers: chunked }, body)).status).toBe(200)
    expect((await tested.store.read(grant.key, 200_000))?.equals(body)).toBe(true)
  })

  it('answers with the same ETag as a read', async () => {
    const { body, grant } = sample()
    const { headers } = await send(await tested.store.presignUpload(grant), body)
    expect(headers.etag).toBe(`"${grant.sha256}"`)
  })

  it('may run several times at once for one key', async () => {
    const one = sample(500_000)
    const presigned = await tested.store.presignUpload(one.grant)
    const answers = await Promise.all(Array.from({ length: 8 }, () => send(presigned, one.body)))
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(200))
    expect((await tested.store.read(one.grant.key, 1_000_000))?.equals(one.body)).toBe(true)
    expect(incoming()).toEqual([])
  })

  it('never mixes two contents under one key', async () => {
    const { key } = sample().grant
    const samples = Array.from({ length: 6 }, (_, index) => sample(200_000 + index, { key }))
    await Promise.all(samples.map((each) => upload(tested.store, each)))
    const content = await tested.store.head(key)
    const body = await tested.store.read(key, 1_000_000)
    expect(samples.map(({ grant }) => grant.sha256)).toContain(content?.sha256)
    expect(sha256Of(body ?? Buffer.alloc(0))).toBe(content?.sha256)
  })

  it('succeeds while the last other object of its folder is deleted', async () => {
    const first = sample()
    const group = first.grant.key.replace(/[^/]+$/, '')
    for (let round = 0; round < 30; round++) {
      const [old, young] = [`${group}old-${round}`, `${group}young-${round}`]
      await tested.store.write(old, first.body, 'image/jpeg')
      await Promise.all([tested.store.delete(old), tested.store.write(young, first.body, 'image/jpeg')])
      expect(await tested.store.exists(young)).toBe(true)
      await tested.store.delete(young)
    }
  })

  it('is refused with another secret', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'media-test-'))
    const other = openFileStore({ folder, baseUrl: tested.url, secret: `${TEST_SECRET}x`, log: quiet })
    const { body, grant } = sample()
    expect((await send(await other.presignUpload(grant), body)).status).toBe(403)
    await other.close()
    rmSync(folder, { recursive: true })
  })

  it('is refused when the query has a parameter more, one twice, or none', async () => {
    const { body, grant } = sample()
    const presigned = await tested.store.presignUpload(grant)
    const base = presigned.url.split('?')[0] ?? ''
    const urls = [
      `${presigned.url}&x=1`,
      `${presigned.url}&bytes=3000`,
      `${base}?bytes=3000&${presigned.url.split('?')[1]}`,
      base,
    ]
    for (const url of urls) expect((await send({ ...presigned, url }, body)).status).toBe(403)
    expect(await tested.store.exists(grant.key)).toBe(false)
  })
})

describe('the folder of the file store', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'media-test-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))
  const open = () => openFileStore({ folder, baseUrl: tested.url, secret: TEST_SECRET, log: quiet })

  it('holds an object as a file that begins with its content', async () => {
    const store = open()
    const { body, grant } = sample(100)
    await store.write(grant.key, body, 'image/jpeg')
    expect(statSync(join(folder, 'objects', grant.key)).size).toBe(356)
    await store.close()
  })

  it('has no empty folders after deletes', async () => {
    const store = open()
    const { body, grant } = sample(100)
    await store.write(grant.key, body, 'image/jpeg')
    await store.delete(grant.key)
    expect(readdirSync(join(folder, 'objects'))).toEqual([])
    await store.close()
  })

  it('may hold files of others: they are not listed', async () => {
    const store = open()
    const { body, grant } = sample(100)
    await store.write(grant.key, body, 'image/jpeg')
    writeFileSync(join(folder, 'objects', 'notes.txt'), 'notes')
    writeFileSync(join(folder, 'objects', grant.key.split('/')[0] ?? '', '.DS_Store'), 'x')
    mkdirSync(join(folder, 'objects', 'a', 'b', 'c', 'd'), { recursive: true })
    writeFileSync(join(folder, 'objects', 'a', 'b', 'short'), 'x')
    const { objects } = await store.list({ limit: 10 })
    expect(objects.map(({ key }) => key)).toEqual([grant.key])
    await store.close()
  })

  it('lists in the order of whole keys, as S3 does', async () => {
    const store = open()
    const keys = ['a-b/m/x', 'a/m/x', 'a/m-1/x', 'a0/m/x', 'a/m/x-1']
    for (const key of keys) await store.write(key, Buffer.alloc(1), 'image/webp')
    const listed: string[] = []
    let after: string | undefined
    do {
      const { objects, next } = await store.list({ after, limit: 1 })
      listed.push(...objects.map(({ key }) => key))
      after = next
    } while (after !== undefined)
    expect(listed).toEqual(keys.toSorted())
    await store.close()
  })

  it('is swept at the start: uploads of ended processes and old ones go, running ones stay', async () => {
    await open().close()
    const place = join(folder, 'incoming')
    const machine = hostname()
      .replaceAll(/[^a-zA-Z0-9-]/g, '-')
      .slice(0, 63)
    const ended = spawn(process.execPath, ['-e', ''])
    await once(ended, 'exit')
    const running = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
    const files = {
      ended: `${machine}.${ended.pid}.1.x`,
      earlierLife: `${machine}.${process.pid}.1.x`,
      running: `${machine}.${running.pid}.1.x`,
      elsewhere: 'another-machine.1.1.x',
      oldElsewhere: 'another-machine.1.1.old',
    }
    for (const name of Object.values(files)) writeFileSync(join(place, name), 'x')
    const old = inMinutes(-61)
    utimesSync(join(place, files.oldElsewhere), old, old)
    await open().close()
    expect(incoming(folder).toSorted()).toEqual([files.running, files.elsewhere].toSorted())
    running.kill()
  })

  it('has no part of an upload whose process was killed in the middle', async () => {
    const script = fileURLToPath(new URL('./upload-process.ts', import.meta.url))
    const child = spawn(process.execPath, [script, folder], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = await once(child.stdout, 'data')
    const signing = openFileStore({ folder, baseUrl: String(line).trim(), secret: TEST_SECRET, log: quiet })
    const { body, grant } = sample(3_000_000)
    const whole = await upload(signing, sample(3_000_000))
    begin(await signing.presignUpload(grant), body.subarray(0, 2_900_000))
    await eventually(() => {
      const [name = ''] = incoming(folder)
      expect(statSync(join(folder, 'incoming', name)).size).toBeGreaterThan(1_000_000)
    })
    child.kill('SIGKILL')
    await once(child, 'exit')
    await signing.close()

    const store = open()
    expect(await store.exists(grant.key)).toBe(false)
    const { objects } = await store.list({ limit: 10 })
    expect(objects.map(({ key }) => key)).toEqual([whole.grant.key])
    expect((await store.read(whole.grant.key, 5_000_000))?.equals(whole.body)).toBe(true)
    await store.close()
    expect(incoming(folder)).toEqual([])
  })
})
