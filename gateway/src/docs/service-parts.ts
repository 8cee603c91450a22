import type { Assertions } from '@platform/http/assertion.ts'
import { ServiceClient } from '@platform/http/client.ts'
import type { OpenApiPart } from '@platform/http/openapi.ts'
import type { Logger } from '@platform/log/logger.ts'
import { OPENAPI_PATH } from '@platform/service/service.ts'
import type { NamedPart } from './document.ts'

const FRESH_MS = 10_000

interface Source {
  name: string
  client: ServiceClient
  part?: OpenApiPart
  askedAt: number
}

/** The services' parts of the documentation. A service that is away keeps the place that it had. */
export class ServiceParts {
  readonly #sources: Source[]

  constructor(services: Partial<Record<string, string>>, assertions: Assertions, log: Logger) {
    this.#sources = Object.entries(services).flatMap(([name, baseUrl]) =>
      baseUrl === undefined
        ? []
        : [{ name, client: new ServiceClient({ service: name, baseUrl, assertions, log }), askedAt: -FRESH_MS }],
    )
  }

  /** Asks services whose part is missing or no longer fresh; one that does not answer fails nothing. */
  async load(): Promise<NamedPart[]> {
    await Promise.all(this.#sources.map((source) => refresh(source)))
    return this.#sources.flatMap(({ name, part }) => (part ? [{ name, part }] : []))
  }

  async close(): Promise<void> {
    await Promise.all(this.#sources.map(({ client }) => client.close()))
  }
}

async function refresh(source: Source): Promise<void> {
  const now = performance.now()
  if (source.part && now - source.askedAt < FRESH_MS) return
  source.askedAt = now
  try {
    const part = await source.client.get(OPENAPI_PATH)
    if (isPart(part)) source.part = part
  } catch {
    // The client has said so in the log; what was known before stays.
  }
}

function isPart(answer: unknown): answer is OpenApiPart {
  return (
    typeof answer === 'object' && answer !== null && 'paths' in answer && 'components' in answer && 'tags' in answer
  )
}
