import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { post, refusal, signIn, textOf } from './gateway-client.ts'

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
  const accessToken = await signIn(url, { email, password })
  if (signUp.status === 201) keepKey(file, textOf(signUp, 'apiKey'))
  if (!existsSync(file)) {
    const key = await post(`${url}/api-keys`, { name: 'demo' }, accessToken)
    if (key.status !== 201) throw refusal('making a key', key)
    keepKey(file, textOf(key, 'key' in key.body ? 'key' : 'apiKey'))
  }
  return { email, accessToken, apiKey: readFileSync(file, 'utf8').trim() }
}

function keepKey(file: string, key: string): void {
  writeFileSync(file, key, { mode: 0o600 })
}
