import { isUtf8 } from 'node:buffer'
import express, { type RequestHandler } from 'express'
import { DomainError } from './errors.ts'

const CHARSET = /;\s*charset\s*=\s*"?([^\s;"]+)/i

/** Lets nothing but JSON in UTF-8 pass, and no body where none was sent. */
export const requireJson: RequestHandler = (req, _res, next) => {
  const charset = CHARSET.exec(req.get('content-type') ?? '')?.[1]?.toLowerCase() ?? 'utf-8'
  if (charset !== 'utf-8') throw new DomainError('unsupported_media_type', 'The body has to be UTF-8.')
  if (req.is('application/json')) return next()
  // Express takes `Content-Length: 0`, as clients send it with an empty POST, for a body.
  const isEmpty = req.is('application/json') === null || req.get('content-length') === '0'
  if (isEmpty && req.get('content-type') === undefined) throw new DomainError('validation', 'body is missing')
  if (isEmpty) return next()
  throw new DomainError('unsupported_media_type', 'The body has to be application/json.')
}

/** @param limit in bytes */
export function bodyParser(limit: number): RequestHandler {
  return express.json({
    limit,
    // A compressed body of a few bytes may unfold to any size.
    inflate: false,
    verify: (_req, _res, bytes) => {
      if (!isUtf8(bytes)) throw new DomainError('validation', 'body is not valid UTF-8')
    },
  })
}
