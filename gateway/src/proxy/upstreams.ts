import type { Logger } from '@platform/log/logger.ts'
import { SERVICES, type ServiceName } from '@platform/platform/registry.ts'
import { Upstream } from './upstream.ts'

/** A way to each service whose address is known. */
export function createUpstreams(
  services: Partial<Record<ServiceName, string>>,
  timeoutMs: number,
  log: Logger,
): Map<ServiceName, Upstream> {
  const upstreams = new Map<ServiceName, Upstream>()
  for (const service of SERVICES) {
    const url = services[service]
    if (url !== undefined) upstreams.set(service, new Upstream({ service, url, timeoutMs, log }))
  }
  return upstreams
}
