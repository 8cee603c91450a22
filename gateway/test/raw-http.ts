import { connect } from 'node:net'

/** What came back over a bare connection, and whether the other side closed it. */
export interface RawAnswer {
  /** 0: nothing came. */
  status: number
  text: string
  isClosed: boolean
}

/**
 * Sends bytes as they are, as no HTTP library would, and reads until the other side closes.
 *
 * @param lines of the head, without line ends
 */
export function sendRaw(url: string, lines: string[], body = ''): Promise<RawAnswer> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname)
    let text = ''
    const done = (isClosed: boolean) => {
      clearTimeout(timer)
      socket.destroy()
      resolve({ status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0), text, isClosed })
    }
    const timer = setTimeout(() => done(false), 5_000)
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
    })
    socket.on('error', () => done(true))
    socket.on('close', () => done(true))
    socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`, 'latin1')
  })
}
