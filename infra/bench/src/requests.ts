import { randomUUID } from 'node:crypto'
import { ASSERTION_HEADER, Assertions, USER_ID_HEADER } from '@platform/http/assertion.ts'
import { TEST_ASSERTION_SECRET } from '@platform/testing/processes.ts'

/** A request straight to a service. */
export interface ServiceRequest {
  method: 'GET' | 'POST' | 'PUT'
  path: string
  headers: Record<string, string>
}

const assertions = new Assertions(TEST_ASSERTION_SECRET)

/** Vouches for a request as the gateway does. Good for half a minute. */
export function sign(method: ServiceRequest['method'], path: string, userId: string): ServiceRequest {
  const requestId = randomUUID()
  const assertion = assertions.sign({ userId, roles: ['user'] }, { method, path, requestId }, 'gateway')
  return {
    method,
    path,
    headers: { [ASSERTION_HEADER]: assertion, [USER_ID_HEADER]: userId, 'x-request-id': requestId },
  }
}

/** What a process is told beside the usual: as in production, and saying little. */
export const BENCH_ENV = {
  all: {
    NODE_ENV: 'production',
    LOG_LEVEL: 'warn',
    CURSOR_SECRET: TEST_ASSERTION_SECRET,
    JOB_SECRETS_KEY: TEST_ASSERTION_SECRET,
  },
}
