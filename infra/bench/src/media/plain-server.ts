import { createReadStream, createWriteStream, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'

/**
 * The baseline in Node: a file as a stream to the client, and the client's stream to a file. It checks nothing, and it
 * waits for the disk only with FLUSH=1.
 */
const { FOLDER: folder = '', PORT: port, FLUSH } = process.env

createServer(async (req, res) => {
  const file = join(folder, req.url ?? '')
  if (req.method === 'PUT') {
    await pipeline(req, createWriteStream(file, { flush: FLUSH === '1' }))
    res.writeHead(200, { 'Content-Length': 0 }).end()
    return
  }
  res.writeHead(200, { 'Content-Length': statSync(file).size })
  // The load closes its connections when its time is over.
  await pipeline(createReadStream(file), res).catch(() => res.destroy())
}).listen(Number(port), '127.0.0.1')
