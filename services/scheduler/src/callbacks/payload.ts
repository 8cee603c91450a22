import { STATUS_CODES } from 'node:http'
import { Nullable } from '@platform/http/schemas.ts'
import { type Static, Type } from 'typebox'
import { bodyText } from '../jobs/body-text.ts'
import { type Answer, headerOf, type SendResult } from '../sending/answer.ts'

const Length = Nullable(Type.Integer())
const ContentType = Nullable(Type.String())

/** What a callback after a success has: the six fields of the first version. */
export const JobCallback = Type.Object(
  {
    response_http_version: Type.String({ examples: ['1.1'] }),
    response_code: Type.Integer(),
    response_code_type: Type.String({ examples: ['OK'] }),
    response_content_length: { ...Length, description: 'Null when it is not known: there was more than is kept.' },
    response_content_type: ContentType,
    response_body: Type.String({ description: 'As much as is kept of it; in base64 where it is no UTF-8.' }),
  },
  { title: 'JobCallback' },
)
type JobCallback = Static<typeof JobCallback>

/** The same after the last failure; each is null when there was no answer. */
export const JobFailureCallback = Type.Object(
  {
    response_http_version: Nullable(Type.String()),
    response_code: Nullable(Type.Integer()),
    response_code_type: Nullable(Type.String()),
    response_content_length: Length,
    response_content_type: ContentType,
    response_body: Nullable(Type.String()),
    error: Type.Optional(Type.String({ description: 'Why there was no answer.' })),
  },
  { title: 'JobFailureCallback' },
)
type JobFailureCallback = Static<typeof JobFailureCallback>

/** A callback's body, as JSON. */
export function callbackPayload(result: SendResult): string {
  return JSON.stringify(result.kind === 'answer' ? describe(result) : withoutAnswer(result.error))
}

function withoutAnswer(error: string): JobFailureCallback {
  return {
    response_http_version: null,
    response_code: null,
    response_code_type: null,
    response_content_length: null,
    response_content_type: null,
    response_body: null,
    error,
  }
}

function describe(answer: Answer): JobCallback {
  const length = headerOf(answer, 'content-length')
  return {
    // The only version that requests are made in.
    response_http_version: '1.1',
    response_code: answer.statusCode,
    response_code_type: STATUS_CODES[answer.statusCode] ?? 'Unknown',
    response_content_length: length !== undefined ? Number(length) : answer.isTruncated ? null : answer.body.length,
    response_content_type: headerOf(answer, 'content-type') ?? null,
    response_body: bodyText(answer.body, answer.isTruncated).text,
  }
}
