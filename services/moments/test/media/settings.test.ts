import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from '@jest/globals'
import { readEnv } from '@platform/config/env.ts'
import { bareApp } from '@platform/http/app.ts'
import { Type } from 'typebox'
import { createMediaStore, MediaEnv } from '../../src/media/settings.ts'
import { inMinutes, sample, send, upload } from './clients.ts'
import { listen, quiet } from './stores.ts'

const settingsOf = (env: Record<string, string>) => readEnv(env, Type.Object(MediaEnv))

it('keeps media in a folder and serves them through the gateway, without any setting for S3', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'media-test-'))
  const app = bareApp()
  const server = createServer(app)
  const url = await listen(server)
  const { store, mount } = createMediaStore(settingsOf({ MEDIA_FOLDER: folder, PUBLIC_URL: url }), quiet)
  mount(app)
  const { body, grant } = await upload(store, sample())
  const presigned = await store.presignRead({ ...grant, expiresAt: inMinutes(1) })
  expect((await send(presigned)).body.equals(body)).toBe(true)
  await store.close()
  server.closeAllConnections()
  server.close()
  rmSync(folder, { recursive: true })
})

it('keeps media in S3 where an endpoint is set, which needs keys', async () => {
  const env = { MEDIA_S3_ENDPOINT: 'https://s3.example.com' }
  expect(() => createMediaStore(settingsOf(env), quiet)).toThrow('MEDIA_S3_ACCESS_KEY_ID')
  const keys = { MEDIA_S3_ACCESS_KEY_ID: 'id', MEDIA_S3_SECRET_ACCESS_KEY: 'secret' }
  const { store } = createMediaStore(settingsOf({ ...env, ...keys }), quiet)
  const { grant } = sample()
  expect((await store.presignUpload(grant)).url).toMatch(`https://s3.example.com/moments/${grant.key}?`)
  await store.close()
})
