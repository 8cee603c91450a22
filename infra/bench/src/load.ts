import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import { Pool } from 'undici'
import type { ServiceRequest } from './requests.ts'

/** What came of a round. */
export interface Round {
  perSecond: number
  p99Ms: number
}

const autocannon = createRequire(import.meta.url).resolve('autocannon/autocannon.js')

/** Sends one request again and again over every connection, from another process. */
export async function load(
  url: string,
  { path, headers }: ServiceRequest,
  { connections, seconds }: { connections: number; seconds: number },
): Promise<Round> {
  const flags = ['--json', '--no-progress', `--connections=${connections}`, `--duration=${seconds}`]
  const given = Object.entries(headers).flatMap(([name, value]) => ['--headers', `${name}=${value}`])
  const { stdout } = await promisify(execFile)(process.execPath, [autocannon, ...flags, ...given, url + path])
  const { requests, latency, errors, timeouts, non2xx } = JSON.parse(stdout)
  if (errors + timeouts + non2xx > 0) throw new Error(`${errors + timeouts + non2xx} requests to ${url}${path} failed.`)
  return { perSecond: requests.average, p99Ms: latency.p99 }
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
