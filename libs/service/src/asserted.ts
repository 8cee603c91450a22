import type { IncomingMessage } from 'node:http'
import type { Authenticate } from '@platform/http/app.ts'
import {
  ASSERTION_HEADER,
  type Assertions,
  type Caller,
  type Issuer,
  USER_ID_HEADER,
} from '@platform/http/assertion.ts'
import { DomainError } from '@platform/http/errors.ts'
import type { RequestHandler } from 'express'

/** The verified assertion of a request. */
export interface Proof {
  issuer: Issuer
  caller: Caller
}

declare module 'node:http' {
  interface IncomingMessage {
    /** Set once the assertion is verified. */
    proof?: Proof
  }
}

const unauthorized = () => new DomainError('unauthorized', 'Requests have to come through the gateway.')

/** Refuses every request without an assertion for exactly this request, so that paths cannot be probed either. */
export function requireAssertion(assertions: Assertions): RequestHandler {
  return (req, _res, next) => {
    const assertion = req.get(ASSERTION_HEADER)
    if (!assertion) throw unauthorized()
    const request = { method: req.method, path: req.originalUrl, requestId: req.get('x-request-id') ?? '' }
    for (const issuer of ['gateway', 'internal'] as const) {
      const caller = assertions.verify(assertion, request, issuer)
      if (!caller) continue
      if (issuer === 'gateway' && req.get(USER_ID_HEADER) !== caller.userId) break
      req.proof = { issuer, caller }
      return next()
    }
    throw unauthorized()
  }
}

/**
 * Returns the caller that the assertion names, for `mountRoutes` behind `requireAssertion`.
 *
 * @throws DomainError `unauthorized` when another issuer than the route's signed the assertion
 */
export const assertedCaller: Authenticate = ({ proof }: IncomingMessage, _context, { access }) => {
  const issuer = access === 'everyone' ? 'gateway' : (access.issuer ?? 'gateway')
  if (proof?.issuer !== issuer) throw unauthorized()
  return proof.caller
}
