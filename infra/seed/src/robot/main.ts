/**
 * `pnpm robot --key KEY --robot UUID --owner USER`: a simulated home robot. It uploads captures of four files each, moves
 * between time zones, loses its network if asked to, and reads what users did with its moments.
 */
import { parseArgs } from 'node:util'
import { planCaptures } from './captures.ts'
import { lossyNetwork } from './lossy-network.ts'
import { Robot } from './robot.ts'

const USAGE = `Usage: pnpm robot --key KEY --robot UUID [--owner USER_UUID] [--url http://127.0.0.1:8080]
                 [--days 7] [--per-day 4] [--zones Europe/Oslo,America/New_York] [--lose-network N] [--quiet]
  --key           an API key with the scope moments:write; ROBOT_API_KEY does the same
  --robot         the robot's UUID; ROBOT_UUID does the same
  --owner         becomes the robot's owner first
  --zones         the robot moves from one to the next, in equal stays
  --lose-network  every N-th request breaks off`

const WHOLE_NUMBER = /^[1-9]\d{0,3}$/

function readNumber(name: string, text: string): number {
  if (!WHOLE_NUMBER.test(text)) throw new RangeError(`--${name} takes a number from 1 to 9999.`)
  return Number(text)
}

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      url: { type: 'string', default: 'http://127.0.0.1:8080' },
      key: { type: 'string', default: process.env.ROBOT_API_KEY },
      robot: { type: 'string', default: process.env.ROBOT_UUID },
      owner: { type: 'string' },
      days: { type: 'string', default: '7' },
      'per-day': { type: 'string', default: '4' },
      zones: { type: 'string', default: 'Europe/Oslo,America/New_York' },
      'lose-network': { type: 'string' },
      quiet: { type: 'boolean', default: false },
    },
  })
  if (!values.key || !values.robot) throw new RangeError('--key and --robot are needed.')
  const say = (line: string) => void (values.quiet || console.log(line))
  const robot = new Robot({
    url: values.url.replace(/\/$/, ''),
    credential: { 'x-api-key': values.key },
    robotId: values.robot,
    requestIdPrefix: process.env.ROBOT_REQUEST_ID_PREFIX,
    send: values['lose-network'] ? lossyNetwork(readNumber('lose-network', values['lose-network'])) : undefined,
    onUploaded: ({ sourceId, title, timeZone }, isNew) =>
      say(`${isNew ? 'uploaded' : 'was there'}  ${sourceId}  ${title}  (${timeZone})`),
    onLost: (what, error) => say(`again      ${what}  ${error instanceof Error ? error.message : error}`),
  })
  const days = readNumber('days', values.days)
  const zones = values.zones.split(',')
  const captures = planCaptures({
    until: new Date(),
    days,
    perDay: readNumber('per-day', values['per-day']),
    name: `robot-${values.robot.slice(0, 8)}`,
    stays: zones.map((timeZone, index) => ({ timeZone, fromDay: Math.ceil(days - (index * days) / zones.length) })),
  })
  if (values.owner) await robot.grant(values.owner, 'owner')
  await robot.upload(captures)
  const counts = new Map<string, number>()
  for await (const { action } of robot.actions()) counts.set(action, (counts.get(action) ?? 0) + 1)
  say(`${captures.length} captures are on the timeline.`)
  say(`Users' actions: ${[...counts].map(([action, count]) => `${count} × ${action}`).join(', ') || 'none yet'}.`)
}

try {
  await run()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  if (error instanceof RangeError || (error instanceof Error && 'code' in error)) console.error(USAGE)
  process.exitCode = 1
}
