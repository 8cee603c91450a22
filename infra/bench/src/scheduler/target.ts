import { createServer } from 'node:http'

/**
 * What jobs are sent to: it answers at once, and tells its parent when as many have come as were to be expected.
 *
 * In: how many to expect. Out: once they are there, the first and the last one's arrival, in ms since 1970.
 */
const now = () => performance.timeOrigin + performance.now()

let expected = 0
let count = 0
let firstAt = 0

const server = createServer({ keepAliveTimeout: 65_000 }, (req, res) => {
  if (count++ === 0) firstAt = now()
  req.resume()
  res.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': 2 })
  res.end('ok')
  if (count === expected) process.send?.({ firstAt, lastAt: now() })
})
process.on('message', (message: number) => {
  expected = message
  count = 0
})
process.on('disconnect', () => process.exit())
server.listen(0, '127.0.0.1', () => process.send?.(server.address()))
