import { createServer } from 'node:http'
import { bareApp, errorHandler, requestContext } from '@platform/http/app.ts'
import { createLogger } from '@platform/log/logger.ts'
import { mountFileRoutes } from '@platform/moments/media/store/file-routes.ts'
import { openFileStore } from '@platform/moments/media/store/file-store.ts'

/** The file store behind an app, as the moments service has it. */
const { FOLDER: folder = '', SECRET: secret = '', PORT: port } = process.env
const log = createLogger({ service: 'bench', level: 'warn', format: 'json' })
const store = openFileStore({ folder, baseUrl: `http://127.0.0.1:${port}`, secret, log })
const app = bareApp()
app.use(requestContext(log))
mountFileRoutes(app, store)
app.use(errorHandler())
createServer(app).listen(Number(port), '127.0.0.1')
