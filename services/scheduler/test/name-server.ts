import { createSocket } from 'node:dgram'
import { isIPv4 } from 'node:net'
import ipaddr from 'ipaddr.js'

const A = 1
const AAAA = 28
const NAME_UNKNOWN = 3

/** What is asked: `www.example.com`, of a type such as A; and where the question ends in the packet. */
function readQuestion(packet: Buffer) {
  const labels: string[] = []
  let at = 12
  for (let length = packet.readUInt8(at); length > 0; length = packet.readUInt8(at)) {
    labels.push(packet.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.').toLowerCase(), type: packet.readUInt16BE(at + 1), end: at + 5 }
}

/** RFC 1035: the header and the question of the query, then a record for each address. */
function reply(query: Buffer, type: number, end: number, addresses: string[] | undefined): Buffer {
  const head = Buffer.from(query.subarray(0, end))
  const records = (addresses ?? []).filter((address) => isIPv4(address) === (type === A))
  head.writeUInt16BE(addresses ? 0x8180 : 0x8180 | NAME_UNKNOWN, 2)
  for (const [i, count] of [1, records.length, 0, 0].entries()) head.writeUInt16BE(count, 4 + 2 * i)
  const answers = records.map((address) => {
    const bytes = Buffer.from(ipaddr.parse(address).toByteArray())
    // The name is that of the question, it may be kept for no time at all.
    return Buffer.concat([Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 0, 0, bytes.length]), bytes])
  })
  return Buffer.concat([head, ...answers])
}

/**
 * A name server on the loopback interface. It never answers questions of which `isSilent` says so; other names that it
 * does not have it calls unknown.
 */
export async function startNameServer(
  names: Map<string, string[]>,
  isSilent: (name: string, family: 4 | 6) => boolean = () => false,
) {
  const asked: string[] = []
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4_000_000 })
  socket.on('message', (query, { port, address }) => {
    const { name, type, end } = readQuestion(query)
    asked.push(name)
    if (!isSilent(name, type === AAAA ? 6 : 4)) socket.send(reply(query, type, end, names.get(name)), port, address)
  })
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  return {
    address: `127.0.0.1:${socket.address().port}`,
    /** The names of all questions, in their order. */
    asked,
    stop: () => new Promise<void>((resolve) => void socket.close(() => resolve())),
  }
}
