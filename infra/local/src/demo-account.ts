import { existsSync, readFileSync, writeFileSync } from 'node:fs'

export interface DemoAccount {
  email: string
  apiKey: string
  /** A bearer token, good for a while. */
  accessToken: string
}

/**
 * Signs the demo account up at the gateway, or in when it is there already. Its key is shown once by the gateway, so it
 * is kept in `file`.
 *
 * @param url of the gateway
 * @throws Error when the gateway refuses
 */
export async function demoAccount(
  url: string,
  { file, email, password }: { file: string; email: string; password: string },
): Promise<DemoAccount> {
  const signUp = await post(`${url}/accounts`, { email, password })
  if (signUp.status !== 201 && signUp.status !== 409) throw refusal('signing up', signUp)
  const signIn = await post(`${url}/auth/token`, { email, password })
  if (signIn.status !== 200) throw refusal('signing in', signIn)
  const accessToken = textOf(signIn, 'accessToken')
  if (signUp.status === 201) keepKey(file, textOf(signUp, 'apiKey'))
  if (!existsSync(file)) {
    const key = await post(`${url}/api-keys`, { name: 'demo' }, accessToken)
    if (key.status !== 201) throw refusal('making a key', key)
    keepKey(file, textOf(key, 'key' in key.body ? 'key' : 'apiKey'))
  }
  return { email, accessToken, apiKey: readFileSync(file, 'utf8').trim() }
}

interface Answer {
  status: number
  body: Record<string, unknown>
}

async function post(url: string, body: object, bearer?: string): Promise<Answer> {
  const authorization = bearer ? { authorization: `Bearer ${bearer}` } : {}
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...authorization },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  })
  const text = await answer.text()
  return { status: answer.status, body: text ? JSON.parse(text) : {} }
}

function textOf({ body }: Answer, field: string): string {
  const value = body[field]
  if (typeof value !== 'string') throw new Error(`The gateway's answer has no ${field}.`)
  return value
}

function refusal(doing: string, { status, body }: Answer): Error {
  return new Error(`The gateway refused ${doing}: ${status} ${JSON.stringify(body)}`)
}

function keepKey(file: string, key: string): void {
  writeFileSync(file, key, { mode: 0o600 })
}
