import { createServer } from 'node:http'
import { bareApp, errorHandler, requestContext } from '@platform/http/app.ts'
import { mountFileRoutes } from '../../src/media/store/file-routes.ts'
import { openFileStore } from '../../src/media/store/file-store.ts'
import { listen, quiet, TEST_SECRET } from './stores.ts'

// A process that serves a file store in the folder of its argument, until it is killed.
const app = bareApp()
const url = await listen(createServer(app))
const store = openFileStore({ folder: process.argv[2] ?? '', baseUrl: url, secret: TEST_SECRET, log: quiet })
app.use(requestContext(quiet))
mountFileRoutes(app, store)
app.use(errorHandler())
process.stdout.write(`${url}\n`)
