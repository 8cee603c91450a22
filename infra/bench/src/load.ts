import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { guardChild } from '@platform/local/guard.ts'
import { ROOT } from '@platform/platform/paths.ts'
import { Pool } from 'undici'
import type { ServiceRequest } from './requests.ts'

/** What came of a round. */
export interface Round {
  answers: number
  perSecond: number
  p99Ms: number
}

/**
 * Sends requests again and again, from another process. Of many, each connection has its own.
 *
 * @throws Error unless all gave 200
 */
export async function load(
  url: string,
  requests: ServiceRequest[],
  { connections, seconds }: { connections: number; seconds: number },
): Promise<Round> {
  const { hostname: host, port } = new URL(url)
  const texts = requests.map((request) => toText(host, request))
  const child = spawn(process.execPath, [join(ROOT, 'infra/bench/src/load/main.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  guardChild(child)
  child.stdin.end(JSON.stringify({ host, port: Number(port), requests: texts, connections, seconds }))
  const { failed, ...round }: Round & { failed: number } = JSON.parse(await text(child.stdout))
  if (failed > 0) throw new Error(`${failed} requests to ${url} failed.`)
  return round
}

function toText(host: string, { method, path, headers }: ServiceRequest): string {
  const lines = Object.entries({ host, ...headers, ...(method !== 'GET' && { 'content-length': '0' }) })
  const head = [`${method} ${path} HTTP/1.1`, ...lines.map(([name, value]) => `${name}: ${value}`)]
  return `${head.join('\r\n')}\r\n\r\n`
}

/**
 * Sends different requests, one after the other on each connection, from this process.
 *
 * @returns how long each took, in ms
 */
export async function sendAll(url: string, requests: ServiceRequest[], connections: number): Promise<number[]> {
  const pool = new Pool(url, { connections })
  const waiting = requests.values()
  const latencies: number[] = []
  const send = async () => {
    for (const { method, path, headers } of waiting) {
      const begun = performance.now()
      const { statusCode, body } = await pool.request({ method, path, headers })
      const answer = await body.text()
      latencies.push(performance.now() - begun)
      if (statusCode !== 200) throw new Error(`${method} ${path} gave ${statusCode}: ${answer}`)
    }
  }
  try {
    await Promise.all(Array.from({ length: connections }, send))
  } finally {
    await pool.close()
  }
  return latencies
}
