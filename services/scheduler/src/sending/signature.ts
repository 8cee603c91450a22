import { createHmac } from 'node:crypto'

/**
 * Signs a request as Standard Webhooks has it: HMAC-SHA-256 over id, time and body, once for each secret that the
 * receiver may still have.
 *
 * @param secrets `whsec_` and base64
 */
export function signatureOf(secrets: string[], id: string, timestamp: string, body: string): string {
  return secrets
    .map((secret) => {
      const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
      return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`
    })
    .join(' ')
}
