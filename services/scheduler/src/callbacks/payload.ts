import { STATUS_CODES } from 'node:http'
import { bodyText } from '../jobs/body-text.ts'
import { type Answer, headerOf, type SendResult } from '../sending/answer.ts'

/** The six fields that a callback has, as JSON; each is null after a request that had no answer. */
export function callbackPayload(result: SendResult): string {
  return JSON.stringify(result.kind === 'answer' ? describe(result) : { ...NOTHING, error: result.error })
}

const NOTHING = {
  response_http_version: null,
  response_code: null,
  response_code_type: null,
  response_content_length: null,
  response_content_type: null,
  response_body: null,
}

function describe(answer: Answer) {
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
