import type { AnswerSeal } from '@platform/http/idempotency.ts'
import { Seal } from '@platform/seal/seal.ts'

/** The gateway's seal for one kind of thing. */
export function gatewaySeal(secret: string, kind: 'answers' | 'signing keys'): Seal {
  return new Seal({ variable: 'KEY_ENCRYPTION_SECRET', secret, purpose: `gateway ${kind}` })
}

/** The form in which idempotency keys keep answers that hold secrets. */
export function answerSeal(seal: Seal): AnswerSeal {
  return { seal: (text) => seal.seal(text, 'answer'), open: (text) => seal.open(text, 'answer') }
}
