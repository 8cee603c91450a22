import { isIP, type LookupFunction } from 'node:net'
import { buildConnector } from 'undici'
import { type TargetGuard, TargetRefused } from './target-guard.ts'

/**
 * Connects to nothing but what the guard lets through: literal addresses are checked before, names with every address
 * that they resolve to at this moment, and the peer's real address once more before the socket is handed over.
 */
export function guardedConnector(guard: TargetGuard, timeoutMs: number): buildConnector.connector {
  const lookup: LookupFunction = (hostname, options, callback) => {
    guard.resolve(hostname).then(
      (verdict) => {
        if (verdict.refusal) return callback(new TargetRefused(hostname, verdict), '')
        const usable = verdict.found.filter(({ family }) => !options.family || options.family === family)
        const [first] = usable
        if (!first) return callback(new Error(`${hostname} has no address`), '')
        if (options.all) callback(null, usable)
        else callback(null, first.address, first.family)
      },
      (error) => callback(error, ''),
    )
  }
  const connect = buildConnector({ timeout: timeoutMs, lookup, allowH2: false, maxCachedSessions: 100 })
  return (options, callback) => {
    const { hostname } = options
    const literal = hostname.replace(/^\[|\]$/g, '')
    const early = isIP(literal) ? guard.refusalOf(literal) : undefined
    if (early) return callback(new TargetRefused(hostname, { addresses: [literal], refusal: early }), null)
    connect(options, (error, socket) => {
      if (error || !socket) return callback(error ?? new Error('There is no connection.'), null)
      const address = socket.remoteAddress ?? ''
      const refusal = guard.refusalOf(address)
      if (refusal) {
        socket.destroy()
        return callback(new TargetRefused(hostname, { addresses: [address], refusal }), null)
      }
      callback(null, socket)
    })
  }
}
