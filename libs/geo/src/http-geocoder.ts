import type { Logger } from '@platform/log/logger.ts'
import {
  type CircuitBreakerPolicy,
  ConsecutiveBreaker,
  circuitBreaker,
  handleType,
  type IPolicy,
  TimeoutStrategy,
  timeout,
  wrap,
} from 'cockatiel'
import { LRUCache } from 'lru-cache'
import { Agent } from 'undici'
import { GeocoderUnavailable, PlaceNotFound } from './errors.ts'
import { toPlace } from './found-place.ts'
import type { CountryNames, Place } from './place.ts'
import type { Provider, ProviderQuery, ProviderRequest } from './provider.ts'

const MAX_ANSWER_BYTES = 262_144
const MAX_CONNECTIONS = 8
const MAX_CACHED = 1_000
const FOUND_FOR_MS = 24 * 3_600_000
// What is not on the map today may be tomorrow.
const NOT_FOUND_FOR_MS = 3_600_000
const FAILURES_BEFORE_BREAK = 5
const BROKEN_FOR_MS = 5_000
/** The server takes the question itself for wrong: too long, or nothing that it can read. */
const QUESTION_REFUSED = new Set([400, 414])

export interface HttpGeocoderOptions {
  provider: Provider
  /** May have a path and a query of its own, such as a key. */
  baseUrl: URL
  timeoutMs: number
  language: string
  countryName: CountryNames
  log: Logger
}

/**
 * Asks a geocoding server: one bounded answer within the time-out, no redirects, and no more questions for a while
 * after several failures in a row. Answers are kept, which the usage policies of public servers demand.
 */
export class HttpGeocoder {
  readonly #options: HttpGeocoderOptions
  readonly #agent = new Agent({ connections: MAX_CONNECTIONS, maxResponseSize: MAX_ANSWER_BYTES })
  readonly #known = new LRUCache<string, { place: Place | undefined }>({ max: MAX_CACHED })
  readonly #breaker: CircuitBreakerPolicy
  readonly #policy: IPolicy

  constructor(options: HttpGeocoderOptions) {
    this.#options = options
    this.#breaker = circuitBreaker(handleType(GeocoderUnavailable), {
      halfOpenAfter: BROKEN_FOR_MS,
      breaker: new ConsecutiveBreaker(FAILURES_BEFORE_BREAK),
    })
    this.#breaker.onBreak(() => options.log.warn('the geocoder is left alone for a while', { forMs: BROKEN_FOR_MS }))
    // The time-out is the outer one, so that it also bounds the wait for another request that tries the server again.
    this.#policy = wrap(timeout(options.timeoutMs, TimeoutStrategy.Aggressive), this.#breaker)
  }

  /**
   * @throws PlaceNotFound
   * @throws GeocoderUnavailable
   * @throws the reason of `signal` when it is aborted
   */
  async resolve(query: ProviderQuery, signal?: AbortSignal): Promise<Place> {
    const request = this.#options.provider.toRequest(query, this.#options.language)
    if (!request) throw new PlaceNotFound('The geocoder does not know this sort of address.')
    const key = JSON.stringify(query)
    let known = this.#known.get(key)
    if (!known) {
      known = { place: await this.#ask(query, request, signal) }
      this.#known.set(key, known, { ttl: known.place ? FOUND_FOR_MS : NOT_FOUND_FOR_MS })
    }
    if (!known.place) throw new PlaceNotFound('The geocoder knows no such place.')
    return structuredClone(known.place)
  }

  async #ask(query: ProviderQuery, request: ProviderRequest, signal?: AbortSignal): Promise<Place | undefined> {
    signal?.throwIfAborted()
    try {
      return await this.#policy.execute(async (context) => {
        try {
          const found = await this.#request(request, context.signal)
          return found && toPlace(found, query, this.#options.countryName)
        } catch (error) {
          // A caller who went away says nothing about the server.
          signal?.throwIfAborted()
          this.#options.log.warn('the geocoder did not answer as it should', { error })
          throw new GeocoderUnavailable('The geocoder gave no usable answer.', { cause: error })
        }
      }, signal)
    } catch (error) {
      signal?.throwIfAborted()
      if (error instanceof GeocoderUnavailable) throw error
      throw new GeocoderUnavailable('The geocoder does not answer at the moment.', { cause: error })
    }
  }

  async #request({ path, parameters }: ProviderRequest, signal: AbortSignal) {
    const { baseUrl, provider } = this.#options
    const url = new URL(baseUrl)
    url.pathname = `${url.pathname.replace(/\/+$/, '')}/${path}`
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
    const { statusCode, body } = await this.#agent.request({
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method: 'GET',
      headers: { accept: 'application/json', 'accept-encoding': 'identity', 'user-agent': 'platform-geocoder/0.1' },
      signal,
    })
    if (statusCode === 200) return provider.readAnswer(parseJson(await body.text()))
    body.on('error', () => {}).destroy()
    if (QUESTION_REFUSED.has(statusCode)) return undefined
    throw new Error(`The geocoder answered ${statusCode}.`)
  }
}

// The parser's own message quotes the answer, and places stay out of the log.
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new TypeError('The answer is not JSON.')
  }
}
