import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bareApp, errorHandler, notFound, requestContext } from '@platform/http/app.ts'
import type { S3Access } from '@platform/local/seaweedfs.ts'
import { createLogger, type Logger } from '@platform/log/logger.ts'
import { mountFileRoutes } from '../../src/media/store/file-routes.ts'
import { type FileStore, openFileStore } from '../../src/media/store/file-store.ts'
import type { MediaStore } from '../../src/media/store/media-store.ts'
import { openS3Store } from '../../src/media/store/s3-store.ts'

export const quiet: Logger = createLogger({ service: 'test', level: 'silent', format: 'json' })
export const TEST_SECRET = 'url-secret-of-the-tests-0123456789abcdef'

/** A signed request, or one that a test has changed. */
export interface SignedRequest {
  method: string
  url: string
  headers: Record<string, string>
}

/** A store under test, with a clock that a test may move, and the ways to change what it has signed. */
export interface StoreUnderTest {
  store: MediaStore
  /** Replaces the clock by which URLs are signed and, in the file store, checked. */
  setClock(clock: () => Date): void
  withLaterExpiry(url: string): string
  withChecksum(request: SignedRequest, sha256: string): SignedRequest
  stop(): Promise<void>
}

export interface StoreKind {
  name: string
  start(): Promise<StoreUnderTest>
}

/**
 * Returns the file store, and the S3 store where an S3 can be had: the run's set-up has said loudly when it cannot.
 *
 * @param access of `findObjectStore`; the test file calls it itself, since that makes the run start an S3
 */
export function storeKinds(access: S3Access | undefined): StoreKind[] {
  const kinds: StoreKind[] = [{ name: 'the file store', start: startFileStore }]
  if (access) kinds.push({ name: 'the S3 store', start: async () => startS3Store(access) })
  return kinds
}

/** A file store behind an app of its own, in a temporary folder. */
export interface RunningFileStore extends StoreUnderTest {
  store: FileStore
  folder: string
  url: string
}

export async function startFileStore(): Promise<RunningFileStore> {
  const folder = mkdtempSync(join(tmpdir(), 'media-test-'))
  let clock = () => new Date()
  const app = bareApp()
  const server = createServer(app)
  const url = await listen(server)
  const store = openFileStore({ folder, baseUrl: `${url}/`, secret: TEST_SECRET, log: quiet, clock: () => clock() })
  app.use(requestContext(quiet))
  mountFileRoutes(app, store)
  app.use(notFound([]), errorHandler())
  return {
    store,
    folder,
    url,
    setClock: (next) => {
      clock = next
    },
    withLaterExpiry: (address) => changed(address, 'expires', (seconds) => String(Number(seconds) + 1)),
    withChecksum: (request, sha256) => ({ ...request, url: changed(request.url, 'sha256', () => sha256) }),
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await store.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function startS3Store(access: S3Access): StoreUnderTest {
  let clock = () => new Date()
  const store = openS3Store({ ...access, clock: () => clock() })
  return {
    store,
    setClock: (next) => {
      clock = next
    },
    withLaterExpiry: (address) => changed(address, 'X-Amz-Expires', (seconds) => String(Number(seconds) + 1)),
    withChecksum: (request, sha256) => ({
      ...request,
      headers: { ...request.headers, 'x-amz-checksum-sha256': Buffer.from(sha256, 'hex').toString('base64') },
    }),
    stop: () => store.close(),
  }
}

export async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return `http://127.0.0.1:${port}`
}

function changed(address: string, name: string, change: (value: string) => string): string {
  const url = new URL(address)
  url.searchParams.set(name, change(url.searchParams.get(name) ?? ''))
  return url.href
}
