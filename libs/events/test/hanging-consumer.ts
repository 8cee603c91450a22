import { openAt, type TransportPlace } from './transports.ts'

// A process that takes a batch and never comes to an end with it: to be killed.
const place: TransportPlace & { group: string; topic: string } = JSON.parse(process.argv[2] ?? '')
const transport = openAt(place)
transport.consume({
  group: place.group,
  topics: [place.topic],
  handle: async ({ messages }) => {
    process.stdout.write(`holding ${messages.length}\n`)
    await new Promise(() => {})
  },
})
