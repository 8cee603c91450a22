import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'

/**
 * Sends requests again and again: a process of its own, told what on standard input; it writes what came of it as
 * JSON. It shares the machine with what it measures, so it does no more than the least: requests are written as they
 * are, and an answer is known by its length.
 */

interface Order {
  host: string
  port: number
  /** Whole requests, one or many. Of many, each connection has its own, and sends them in turn. */
  requests: string[]
  connections: number
  seconds: number
}

const HEAD_END = Buffer.from('\r\n\r\n')

const order: Order = JSON.parse(await text(process.stdin))
const requests = order.requests.map((request) => Buffer.from(request))
const end = performance.now() + order.seconds * 1_000
const latencies: number[] = []
let failed = 0

function blast(first: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect(order.port, order.host)
    let begun = 0
    let missing = 0
    let next = first
    const send = () => {
      begun = performance.now()
      if (begun >= end) return void socket.end(resolve)
      socket.write(requests[next % requests.length] ?? '')
      next = next + order.connections < requests.length ? next + order.connections : first
    }
    socket.setNoDelay(true)
    socket.on('connect', send)
    socket.on('error', reject)
    socket.on('data', (chunk: Buffer) => {
      missing = missing > 0 ? missing - chunk.length : lengthOf(chunk) - chunk.length
      if (missing > 0) return
      latencies.push(performance.now() - begun)
      send()
    })
  })
}

/** How long the answer is that begins here. The head always comes in one piece. */
function lengthOf(chunk: Buffer): number {
  const headEnd = chunk.indexOf(HEAD_END)
  const head = chunk.toString('latin1', 0, headEnd)
  const length = /content-length: (\d+)/i.exec(head)?.[1]
  if (!head.startsWith('HTTP/1.1 200 ') || length === undefined) failed++
  return headEnd + HEAD_END.length + Number(length ?? 0)
}

const start = performance.now()
await Promise.all(Array.from({ length: order.connections }, (_, index) => blast(index)))
const seconds = (performance.now() - start) / 1_000
latencies.sort((a, b) => a - b)
const p99Ms = latencies[Math.floor(latencies.length * 0.99)]
const answers = latencies.length
console.log(JSON.stringify({ answers, perSecond: answers / seconds, p99Ms, failed }))
