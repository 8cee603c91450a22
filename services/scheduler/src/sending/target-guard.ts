import { setTimeout as pause } from 'node:timers/promises'
import ipaddr from 'ipaddr.js'

export interface FoundAddress {
  address: string
  /** 4 or 6. */
  family: number
}

/** Finds all addresses of a name. */
export type Lookup = (hostname: string) => Promise<FoundAddress[]>

/** Whether a target may be connected to. */
export interface Verdict {
  /** As it was looked at; empty when the name has none at the moment. */
  addresses: string[]
  /** Which rule refuses it, with the address: `loopback 127.0.0.1`. Absent: nothing speaks against it. */
  refusal?: string
}

/** A connection that was not made, or not used, because of where it would have gone. */
export class TargetRefused extends Error {
  override readonly name = 'TargetRefused'

  constructor(hostname: string, verdict: Verdict) {
    super(`${hostname} (${verdict.addresses.join(', ')}) is refused: ${verdict.refusal}`)
  }
}

type Range = [ipaddr.IPv4 | ipaddr.IPv6, number]

const GLOBAL_IPV6: Range = ipaddr.parseCIDR('2000::/3')
/**
 * Where a cloud tells each of its machines what is that machine's alone, at an address of the public range: Azure's wire
 * server. The other clouds' are link-local, carrier-grade NAT or reserved.
 */
const METADATA = new Set(['168.63.129.16'])

const bare = (hostname: string) => hostname.replace(/^\[|\]$/g, '')

/**
 * Keeps requests out of networks that are not everybody's. Only public unicast addresses pass, in every spelling and
 * family; what a name resolves to has to pass as a whole, so that an answer of a good and a bad address does not.
 */
export class TargetGuard {
  readonly #allowed: Range[]
  readonly #lookup: Lookup

  /**
   * @param allowed ranges that may be reached all the same, such as `10.1.0.0/16`
   * @throws Error for a range that is none
   */
  constructor(allowed: string[], lookup: Lookup) {
    this.#allowed = allowed.map((range) => ipaddr.parseCIDR(range))
    this.#lookup = lookup
  }

  /** Of an address that is one; undefined: it may be reached. */
  refusalOf(address: string): string | undefined {
    const zoneless = bare(address).split('%', 1)[0] ?? ''
    if (!ipaddr.isValid(zoneless)) return `unreadable ${address}`
    const parsed = ipaddr.parse(zoneless)
    const plain = ipaddr.process(zoneless)
    const isAllowed = this.#allowed.some(([range, bits]) => range.kind() === plain.kind() && plain.match(range, bits))
    const range = rangeOf(parsed)
    return range === 'unicast' || isAllowed ? undefined : `${range} ${zoneless}`
  }

  /**
   * All addresses of a host, each checked. A literal address is looked at as it is.
   *
   * @throws the look-up's error
   */
  async resolve(hostname: string): Promise<Verdict & { found: FoundAddress[] }> {
    const name = bare(hostname)
    const found = ipaddr.isValid(name)
      ? [{ address: name, family: ipaddr.parse(name).kind() === 'ipv4' ? 4 : 6 }]
      : await this.#lookup(name)
    const refusals = found.map(({ address }) => this.refusalOf(address)).filter((refusal) => refusal !== undefined)
    return { found, addresses: found.map(({ address }) => address), refusal: refusals[0] }
  }

  /**
   * As `resolve`, for a target that is not connected to yet: a name that has no address now, or none in time, may have
   * one when its time comes, and is looked at again then.
   *
   * @param timeoutMs nothing left: names are not looked up, literal addresses are looked at all the same
   */
  async check(hostname: string, timeoutMs: number): Promise<Verdict> {
    if (timeoutMs <= 0 && !ipaddr.isValid(bare(hostname))) return { addresses: [] }
    const found = this.resolve(hostname).then(
      ({ addresses, refusal }): Verdict => ({ addresses, refusal }),
      (): Verdict => ({ addresses: [] }),
    )
    const late = pause(Math.max(timeoutMs, 0), { addresses: [] }, { ref: false })
    return Promise.race([found, late])
  }
}

/** What an address is for. */
function rangeOf(address: ipaddr.IPv4 | ipaddr.IPv6): string {
  // Beyond 2000::/3 nothing is assigned, but ways around: `::127.0.0.1` is one, in the form of old.
  if (address.kind() === 'ipv6' && !address.match(GLOBAL_IPV6)) return `reserved (${address.range()})`
  return METADATA.has(address.toString()) ? 'metadata' : address.range()
}
