import { landSchemas } from './landed-schemas.ts'
import { publishedEvents } from './published-events.ts'

try {
  const changed = landSchemas(publishedEvents)
  console.log(changed.length === 0 ? 'All schemas have landed.' : `Landed: ${changed.join(', ')}.`)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
