import { type Dispatcher, request } from 'undici'

/** An answer, read to its end. Tests name the shape that they look into: `get<Group>(…)`. */
export interface Answer<T> {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: T
}

/** What a refusal's body looks like. */
export interface Refusal {
  errors: { code: string; message: string; endpoint: string; requestId: string }[]
}

type Headers = Record<string, string>

/** Sends JSON to one address, with headers that say who asks. */
export class Client {
  readonly url: string
  readonly #headers: () => Headers

  /** @param headers called for each request, so that a token can be fresh */
  constructor(url: string, headers: () => Headers = () => ({})) {
    this.url = url
    this.#headers = headers
  }

  /** The headers that say who asks, for requests that a test sends by itself. */
  credential(): Headers {
    return this.#headers()
  }

  get<T = Refusal>(path: string, headers?: Headers): Promise<Answer<T>> {
    return this.send('GET', path, undefined, headers)
  }

  post<T = Refusal>(path: string, body?: unknown, headers?: Headers): Promise<Answer<T>> {
    return this.send('POST', path, body, headers)
  }

  put<T = Refusal>(path: string, body?: unknown, headers?: Headers): Promise<Answer<T>> {
    return this.send('PUT', path, body, headers)
  }

  patch<T = Refusal>(path: string, body?: unknown, headers?: Headers): Promise<Answer<T>> {
    return this.send('PATCH', path, body, headers)
  }

  delete<T = Refusal>(path: string, body?: unknown, headers?: Headers): Promise<Answer<T>> {
    return this.send('DELETE', path, body, headers)
  }

  async send<T>(
    method: Dispatcher.HttpMethod,
    path: string,
    body?: unknown,
    headers: Headers = {},
  ): Promise<Answer<T>> {
    const answer = await request(`${this.url}${path}`, {
      method,
      headers: { ...this.#headers(), ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
    })
    const text = await answer.body.text()
    const isJson = String(answer.headers['content-type']).includes('json')
    return { status: answer.statusCode, headers: answer.headers, body: isJson ? JSON.parse(text) : text }
  }
}
