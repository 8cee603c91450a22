import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { startSeaweedfs, waitUntilS3Ready } from '@platform/local/seaweedfs.ts'
import { seaweedfsObstacle } from '@platform/local/seaweedfs-binary.ts'
import { findObjectStore } from '@platform/testing/object-store.ts'
import { AwsClient } from 'aws4fetch'

const folder = mkdtempSync(join(tmpdir(), 'seaweedfs-test-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const obstacle = await seaweedfsObstacle()
const withSeaweedfs = obstacle === undefined || process.env.REQUIRE_S3 === '1' ? describe : describe.skip

withSeaweedfs('an S3 of our own', () => {
  it('comes back with its objects after kill -9, on the same port', async () => {
    const node = await startSeaweedfs({ folder })
    const client = new AwsClient({ ...node.access, service: 's3', retries: 0 })
    const url = `${node.access.endpoint}/${node.access.bucket}/a/b/c`
    expect((await client.fetch(url, { method: 'PUT', body: 'content' })).status).toBe(200)
    await node.kill()
    expect(await node.ended).toBe('SIGKILL')

    const again = await startSeaweedfs({ folder, port: node.port })
    expect(await (await client.fetch(url)).text()).toBe('content')
    await again.stop()
  })
})

// The set-up of a run that includes this file has started one, or has said loudly why not.
const access = findObjectStore()
const withAccess = access ? describe : describe.skip

withAccess('the S3 of this run', () => {
  it('is there for every test file that imports its module', async () => {
    if (access) await waitUntilS3Ready(access)
  })
})
