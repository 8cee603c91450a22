import { cloneDatabase, type TestDatabase } from '@platform/testing/database.ts'
import { startTcpProxy, type TcpProxy } from '@platform/testing/tcp-proxy.ts'

/** A database of its own, behind a network that can be lost. */
export interface ProxiedDatabase {
  test: TestDatabase
  proxy: TcpProxy
  /** Of the login, through the proxy. */
  url: URL
}

export async function cloneBehindProxy(): Promise<ProxiedDatabase> {
  const test = await cloneDatabase()
  const url = new URL(test.urlFor('groups'))
  const proxy = await startTcpProxy({ host: url.hostname, port: Number(url.port) })
  url.host = `127.0.0.1:${proxy.port}`
  return { test, proxy, url }
}
