import { openDatabase } from '@platform/db/database.ts'
import { startRelay } from '../src/relay.ts'
import { consume, thingCopy } from './consumer-harness.ts'
import { quiet, type ThingTables } from './harness.ts'
import { openAt, type TransportPlace } from './transports.ts'

// A process of a service, with a relay and a consumer: to be killed.
const place: TransportPlace = JSON.parse(process.argv[2] ?? '')
const { databaseUrl } = place
const { db, pool } = openDatabase<ThingTables>({ url: databaseUrl, applicationName: 'victim', log: quiet })
const transport = openAt(place)
startRelay({ db, pool, databaseUrl, transport, log: quiet, pollMs: 50 })
const consumer = consume({ db }, transport, { name: 'things', handlers: [thingCopy()] })
const whenReady = setInterval(() => {
  if (!consumer.isReady()) return
  clearInterval(whenReady)
  process.stdout.write('ready\n')
}, 10)
