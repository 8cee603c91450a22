import type { OutgoingRequest } from '@platform/http/route.ts'
import { DateTime } from '@platform/http/schemas.ts'
import { Type } from 'typebox'
import { JobCallback, JobFailureCallback } from './payload.ts'

/** What every request has that is sent for a job, callbacks too: Standard Webhooks, and two of our own. */
export const WebhookHeaders = Type.Object({
  'webhook-id': Type.String({ description: 'The same at every attempt of a run: against doing a thing twice.' }),
  'webhook-timestamp': Type.String({ description: 'When it was sent, in seconds since 1970.' }),
  'webhook-signature': Type.String({
    description:
      '`v1,` and in base64 the HMAC-SHA-256 of `ID.TIMESTAMP.BODY` by the signing secret, without its `whsec_` and decoded from base64; after a blank the same by the secret before, as long as it is used.',
  }),
  'webhook-attempt': Type.String({ description: 'From 1, in each run.' }),
  'webhook-scheduled-at': { ...DateTime, description: 'When it was due.' },
})

/** What is sent for the jobs of a request whose body has one. */
export const outgoingRequests: Record<string, OutgoingRequest> = {
  request: {
    to: '$request.body#/job/uri',
    summary: "The job's request, by its own method, with its headers and body",
    headers: WebhookHeaders,
  },
  callback: {
    to: '$request.body#/job/callback_uri',
    summary: 'After a success',
    headers: WebhookHeaders,
    body: JobCallback,
  },
  failureCallback: {
    to: '$request.body#/job/failure_callback_uri',
    summary: 'After the last failure',
    headers: WebhookHeaders,
    body: JobFailureCallback,
  },
}
