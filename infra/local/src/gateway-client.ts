/** An answer of the gateway, for the few requests that `start` makes itself. */
export interface Answer {
  status: number
  body: Record<string, unknown>
}

const REQUEST_MS = 10_000

/** @param bearer an access token, where the request needs one */
export const get = (url: string, bearer?: string): Promise<Answer> => send(url, { method: 'GET' }, bearer)

/** @param bearer an access token, where the request needs one */
export const post = (url: string, body: object, bearer?: string): Promise<Answer> =>
  send(url, { method: 'POST', body: JSON.stringify(body) }, bearer)

async function send(url: string, init: RequestInit, bearer: string | undefined): Promise<Answer> {
  const answer = await fetch(url, {
    ...init,
    headers: {
      ...(init.body && { 'content-type': 'application/json' }),
      ...(bearer && { authorization: `Bearer ${bearer}` }),
    },
    signal: AbortSignal.timeout(REQUEST_MS),
  })
  const text = await answer.text()
  return { status: answer.status, body: text ? JSON.parse(text) : {} }
}

/**
 * Signs an account in. @returns an access token
 *
 * @throws Error when the gateway refuses
 */
export async function signIn(url: string, { email, password }: { email: string; password: string }): Promise<string> {
  const answer = await post(`${url}/auth/token`, { email, password })
  if (answer.status !== 200) throw refusal('signing in', answer)
  return textOf(answer, 'accessToken')
}

/** @throws Error when the answer has no such text */
export function textOf({ body }: Answer, field: string): string {
  const value = body[field]
  if (typeof value !== 'string') throw new Error(`The gateway's answer has no ${field}.`)
  return value
}

export function refusal(doing: string, { status, body }: Answer): Error {
  return new Error(`The gateway refused ${doing}: ${status} ${JSON.stringify(body)}`)
}
