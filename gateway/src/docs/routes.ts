import { asyncApiDocument, toYaml } from '@platform/contracts/asyncapi.ts'
import { openApiOf } from '@platform/http/openapi.ts'
import type { Route } from '@platform/http/route.ts'
import type { Express } from 'express'
import { mergeOpenApi } from './document.ts'
import { docsPage } from './page.ts'
import type { ServiceParts } from './service-parts.ts'

/** `/openapi.json`, `/asyncapi.yaml` and the page at `/docs`. */
export function docsRoutes(app: Express, ownRoutes: Route[], parts: ServiceParts): void {
  const own = { name: 'gateway', part: openApiOf(ownRoutes) }
  app.get('/openapi.json', async (_req, res) => {
    res.set('Cache-Control', 'no-cache').json(mergeOpenApi([own, ...(await parts.load())]))
  })
  const events = toYaml(asyncApiDocument())
  app.get('/asyncapi.yaml', (_req, res) => {
    res.set('Cache-Control', 'no-cache').type('application/yaml').send(events)
  })
  docsPage(app)
}
