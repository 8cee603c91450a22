import { randomUUID } from 'node:crypto'
import { type Server, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Logger } from '@platform/log/logger.ts'

const UNREADABLE: Record<string, { status: number; message: string }> = {
  HPE_HEADER_OVERFLOW: { status: 431, message: 'The request line and its headers are too large.' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, message: 'The request took too long to arrive.' },
}

/**
 * Answers on the connection itself what never becomes a request for the front, and closes it: protocol upgrades and
 * tunnels, past which nothing of a connection would be looked at any more, and what cannot be read as HTTP.
 */
export function refuseWhatIsNoRequest(server: Server, log: Logger): void {
  for (const event of ['upgrade', 'connect'] as const) {
    server.on(event, (_req, socket) => {
      log.info('request refused', { reason: event })
      close(socket, 400, 'Connections are neither upgraded nor tunnelled here.')
    })
  }
  server.on('clientError', (error: Error & { code?: string }, socket) => {
    log.info('request refused', { reason: error.code })
    const { status, message } = UNREADABLE[error.code ?? ''] ?? { status: 400, message: 'The request cannot be read.' }
    close(socket, status, message)
  })
}

function close(socket: Duplex, status: number, message: string): void {
  socket.on('error', () => {})
  if (!socket.writable) return void socket.destroy()
  const requestId = randomUUID()
  const body = JSON.stringify({ errors: [{ code: 'validation', message, endpoint: '', requestId }] })
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Connection: close',
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${requestId}`,
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
}
