import type { RequestHandler } from 'express'
import { collectDefaultMetrics, Histogram, type Registry } from 'prom-client'

/** Counts and times requests by route, so that ids in paths make no new series. */
export class HttpMetrics {
  readonly #duration: Histogram<'method' | 'route' | 'status'>

  constructor(registry: Registry) {
    this.#duration = new Histogram({
      name: 'http_request_duration_seconds',
      help: 'Time from the request line to the end of the answer.',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
      registers: [registry],
    })
  }

  /** @param route the path with placeholders, such as `/groups/{groupId}` */
  observe(route: string): RequestHandler {
    return (req, res, next) => {
      const start = process.hrtime.bigint()
      res.once('close', () => {
        this.record(req.method, route, res.statusCode, Number(process.hrtime.bigint() - start) / 1e9)
      })
      next()
    }
  }

  /** For a request that was timed elsewhere. */
  record(method: string, route: string, status: number, seconds: number): void {
    this.#duration.observe({ method, route, status }, seconds)
  }
}

/** Memory, event loop and garbage collection of the process; once a process. */
export function observeProcess(registry: Registry): void {
  collectDefaultMetrics({ register: registry })
}
