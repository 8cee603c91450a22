import { promises } from 'node:dns'
import { isIP } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { HostsFile } from './hosts-file.ts'
import { LocalFile } from './local-file.ts'
import type { FoundAddress } from './target-guard.ts'

export interface NameResolverOptions {
  /** Name servers, such as `10.0.0.53` or `127.0.0.1:5353`, in place of the machine's. */
  servers?: string[]
  /** In place of the machine's. */
  hostsFile?: string
}

/** For one question to a name server; it is asked again once. */
const TIMEOUT_MS = 1_000
const TRIES = 2
/** Some servers never answer for one of the families: when the other one is there, so long. */
const OTHER_FAMILY_MS = 250

/**
 * Finds the addresses of names: by the machine's hosts file, else by its name servers, without their search domains.
 * `dns.lookup` would have four threads for all of a process, each kept by a server that does not answer for ten seconds
 * and more; this one waits for any number of them at once.
 */
export class NameResolver {
  readonly #servers: string[] | undefined
  readonly #hosts: HostsFile
  readonly #settings = new LocalFile('/etc/resolv.conf')
  #resolver = new promises.Resolver()

  constructor({ servers, hostsFile }: NameResolverOptions = {}) {
    this.#servers = servers
    this.#hosts = new HostsFile(hostsFile)
  }

  /**
   * All addresses of a name, IPv4 first.
   *
   * @throws Error with what the name server said, when it has none: ENOTFOUND, ESERVFAIL, ETIMEOUT, …
   */
  async lookup(hostname: string): Promise<FoundAddress[]> {
    const name = hostname.replace(/\.$/, '')
    const known = this.#hosts.addressesOf(name)
    if (known.length > 0) return known.map((address) => ({ address, family: isIP(address) }))
    const resolver = this.#current()
    const found: FoundAddress[] = []
    const note = (family: number) => (addresses: string[]) => {
      for (const address of addresses) found.push({ address, family })
    }
    const queries = [resolver.resolve4(name).then(note(4)), resolver.resolve6(name).then(note(6))]
    const all = Promise.allSettled(queries)
    const enough = Promise.any(queries).then(() => pause(OTHER_FAMILY_MS, undefined, { ref: false }))
    await Promise.race([all, enough.catch(() => all)])
    if (found.length === 0) throw new Error(`${name} has no address (${codesOf(await all)})`)
    return found.toSorted((a, b) => a.family - b.family)
  }

  /** One keeps the servers that it found at first. */
  #current(): promises.Resolver {
    if (this.#settings.hasChanged()) {
      this.#resolver = new promises.Resolver({ timeout: TIMEOUT_MS, tries: TRIES })
      if (this.#servers) this.#resolver.setServers(this.#servers)
    }
    return this.#resolver
  }
}

function codesOf(results: PromiseSettledResult<void>[]): string {
  const codes = results.map((result) => (result.status === 'rejected' ? result.reason.code : 'ENODATA'))
  return [...new Set(codes)].join(', ')
}
