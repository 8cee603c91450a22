import { isIP } from 'node:net'
import { LocalFile } from './local-file.ts'

const LOOPBACK = ['127.0.0.1', '::1']

/** The names that this machine knows without asking a name server: see hosts(5). */
export class HostsFile {
  readonly #file: LocalFile
  #addresses = new Map<string, string[]>()

  constructor(path = '/etc/hosts') {
    this.#file = new LocalFile(path)
  }

  /** @returns none for a name that is to be asked of a name server, and never for `localhost` (RFC 6761) */
  addressesOf(hostname: string): string[] {
    if (this.#file.hasChanged()) this.#addresses = read(this.#file.text())
    const name = hostname.toLowerCase()
    return this.#addresses.get(name) ?? (/(^|\.)localhost$/.test(name) ? LOOPBACK : [])
  }
}

/** Reads lines such as `10.1.2.3 name alias # comment`. */
function read(text: string): Map<string, string[]> {
  const addresses = new Map<string, string[]>()
  for (const line of text.split('\n')) {
    const [address = '', ...names] = (line.split('#', 1)[0] ?? '').trim().split(/\s+/)
    if (isIP(address) === 0) continue
    for (const name of names) {
      const key = name.toLowerCase()
      addresses.set(key, [...(addresses.get(key) ?? []), address])
    }
  }
  return addresses
}
