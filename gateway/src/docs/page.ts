import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import type { Express, Response } from 'express'

const require = createRequire(import.meta.url)
const ASSETS = ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png']

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Platform API</title>
<link rel="icon" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="docs"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`
const START = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#docs', deepLinking: true, tryItOutEnabled: true, persistAuthorization: false })\n`

// Swagger UI sets styles by hand and draws with data URLs; everything else comes from here.
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** `/docs`: Swagger UI over the merged document. It works without the internet. */
export function docsPage(app: Express): void {
  const folder = dirname(require.resolve('swagger-ui-dist/package.json'))
  app.get('/docs', (_req, res) => void send(res, 'html', PAGE))
  app.get('/docs/start.js', (_req, res) => void send(res, 'js', START))
  for (const asset of ASSETS) {
    app.get(`/docs/${asset}`, (_req, res, next) => {
      res.sendFile(asset, { root: folder, maxAge: 86_400_000, cacheControl: true }, (error) => error && next(error))
    })
  }
}

function send(res: Response, type: string, text: string): void {
  res
    .set({ 'Content-Security-Policy': POLICY, 'Referrer-Policy': 'no-referrer', 'Cache-Control': 'no-cache' })
    .type(type)
    .send(text)
}
