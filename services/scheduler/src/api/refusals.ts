import type { DomainError } from '@platform/http/errors.ts'
import { parameterErrorBody } from '@platform/http/parameter-errors.ts'
import type { Request, Response } from 'express'

/**
 * Writes refusals in the form of this API.
 *
 * @param answersWith200 whether the caller's account wants its errors with status 200
 */
export function writeRefusal(answersWith200: (req: Request) => Promise<boolean>) {
  return async (error: DomainError, req: Request, res: Response): Promise<void> => {
    const isLegacy = error.status < 500 && (await answersWith200(req))
    if (res.headersSent) return
    res
      .status(isLegacy ? 200 : error.status)
      .set(error.headers)
      .json(parameterErrorBody(error))
  }
}
