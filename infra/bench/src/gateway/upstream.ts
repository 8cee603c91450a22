import { createServer } from 'node:http'

/** A service that answers at once: what is left is what the way to it costs. */
const ANSWER = JSON.stringify({ id: 'c0a8f1de-35c4-4c4e-9f52-6f0d4d8d3a11', name: 'Runners', participantsCount: 12 })

const server = createServer({ keepAliveTimeout: 65_000 }, (req, res) => {
  req.resume()
  res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': ANSWER.length })
  res.end(ANSWER)
})
server.listen(Number(process.env.PORT), '127.0.0.1')
