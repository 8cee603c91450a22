import { setTimeout as sleep } from 'node:timers/promises'
import { DomainError } from '@platform/http/errors.ts'
import { AwsV4Signer } from 'aws4fetch'
import { Agent, type Dispatcher, request } from 'undici'

export interface S3Settings {
  /** For example `https://s3.example.com`; the bucket becomes the first segment of each path. */
  endpoint: string
  bucket: string
  region: string
  accessKeyId: string
  secretAccessKey: string
  /** Longest time of one call with its body; default 30 s. */
  timeoutMs?: number
  /** How often a call is made when the store fails or cannot be reached; default 3. */
  attempts?: number
}

export interface S3Call {
  method: 'GET' | 'HEAD' | 'PUT' | 'DELETE'
  /** Absent: the bucket itself. */
  key?: string
  query?: Record<string, string>
  headers?: Record<string, string>
  body?: Uint8Array
  /** Instead of the settings' own. */
  timeoutMs?: number
}

export interface PresignCall extends Omit<S3Call, 'body' | 'timeoutMs'> {
  now: Date
  lifetimeSeconds: number
}

export type S3Answer = Dispatcher.ResponseData

const BACKOFF_MS = 100

/** Makes signed calls to one bucket, within a time limit and with a bounded number of repeats. */
export class S3Client {
  readonly #settings: S3Settings
  readonly #agent: Agent

  constructor(settings: S3Settings) {
    this.#settings = settings
    this.#agent = new Agent({ connections: 64, connect: { timeout: 5_000 } })
  }

  /**
   * Returns the answer to a call; the caller reads its body. Every call of a media store may be repeated.
   *
   * @param accepted statuses that are answers; every other one is an error
   * @throws DomainError unavailable when the store fails or cannot be reached; Error for a refusal
   */
  async call(call: S3Call, accepted: readonly number[]): Promise<S3Answer> {
    const { attempts = 3 } = this.#settings
    for (let attempt = 1; ; attempt++) {
      try {
        const answer = await this.#send(call)
        if (accepted.includes(answer.statusCode)) return answer
        const text = await answer.body.text()
        const code = /<Code>(\w+)<\/Code>/.exec(text)?.[1] ?? ''
        const message = `The S3 store answered ${call.method} with ${answer.statusCode} ${code}`.trimEnd()
        if (answer.statusCode < 500 && answer.statusCode !== 429) throw new S3Refusal(message)
        throw new Error(message)
      } catch (cause) {
        if (cause instanceof S3Refusal) throw cause
        if (attempt >= attempts) throw unavailable(cause)
        // Replicas that fail together do not come back together.
        await sleep(BACKOFF_MS * 2 ** (attempt - 1) * (0.5 + Math.random()))
      }
    }
  }

  /**
   * Signs a request for a client. Every header given is part of the signature, the content's length and type among them.
   */
  async presign({ method, key, query, headers, now, lifetimeSeconds }: PresignCall): Promise<string> {
    const url = this.#url(key, { ...query, 'X-Amz-Expires': String(lifetimeSeconds) })
    const datetime = now.toISOString().replaceAll(/[:-]|\.\d{3}/g, '')
    const signer = this.#signer({ method, url, headers, datetime, signQuery: true, allHeaders: true })
    const signed = await signer.sign()
    // A blank as "+" is a form's way to write it; "%20" means the same to every server.
    return signed.url.href.replaceAll('+', '%20')
  }

  close(): Promise<void> {
    return this.#agent.close()
  }

  async #send({ method, key, query, headers, body, timeoutMs }: S3Call): Promise<S3Answer> {
    // The date of the signature is compared with the store's clock, so it is the machine's own.
    const signer = this.#signer({ method, url: this.#url(key, query), headers })
    const signed = await signer.sign()
    return request(signed.url, {
      method,
      headers: Object.fromEntries(signed.headers),
      body,
      dispatcher: this.#agent,
      signal: AbortSignal.timeout(timeoutMs ?? this.#settings.timeoutMs ?? 30_000),
    })
  }

  #signer(options: Omit<ConstructorParameters<typeof AwsV4Signer>[0], 'accessKeyId' | 'secretAccessKey'>): AwsV4Signer {
    const { region, accessKeyId, secretAccessKey } = this.#settings
    return new AwsV4Signer({ ...options, service: 's3', region, accessKeyId, secretAccessKey })
  }

  #url(key: string | undefined, query: Record<string, string> = {}): string {
    const { endpoint, bucket } = this.#settings
    const url = new URL(`${endpoint.replace(/\/+$/, '')}/${bucket}${key === undefined ? '' : `/${key}`}`)
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
    return url.href
  }
}

/** An answer that a repeat would not change. */
class S3Refusal extends Error {
  override readonly name = 'S3Refusal'
}

function unavailable(cause: unknown): DomainError {
  const headers = { 'Retry-After': '1' }
  return new DomainError('unavailable', 'The media store is not available at the moment.', { headers, cause })
}
