import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { guardChild } from '@platform/local/guard.ts'
import { whenEnded } from '@platform/local/running.ts'
import { ROOT } from '@platform/platform/paths.ts'
import { get, post, refusal, signIn, textOf } from './gateway-client.ts'

/** The robot of the demo account: who it is, its key, and whether its captures are uploaded. */
interface DemoRobot {
  robotId: string
  apiKey: string
  isUploaded: boolean
}

export interface DemoRobotOptions {
  /** The gateway's address. */
  url: string
  /** Where the robot's id and key are kept. */
  file: string
  admin: { email: string; password: string }
  /** A token of the demo account, which becomes the robot's owner. */
  accessToken: string
}

/** Begins the ids of the demo robot's requests. `start` shows no log lines of them: its summary stays in sight. */
export const DEMO_REQUEST_ID = 'demo-robot-'

const CAPTURES = ['--days', '7', '--per-day', '4', '--zones', 'America/New_York,Europe/Oslo']

/**
 * Gives the demo account a robot with a week of captures, so that a new user finds a timeline with pictures. It does so
 * once for each data folder, and continues an upload that was interrupted.
 *
 * @returns the robot's id, or undefined when its captures were there already
 * @throws Error when the gateway or the service refuses
 */
export async function runDemoRobot({ url, file, admin, accessToken }: DemoRobotOptions): Promise<string | undefined> {
  const robot = readRobot(file) ?? { robotId: randomUUID(), apiKey: await makeKey(url, admin), isUploaded: false }
  if (robot.isUploaded) return undefined
  keepRobot(file, robot)
  const me = await get(`${url}/accounts/me`, accessToken)
  if (me.status !== 200) throw refusal('the demo account', me)
  await upload(url, robot, textOf(me, 'id'))
  keepRobot(file, { ...robot, isUploaded: true })
  return robot.robotId
}

/** Only an admin may make a key for robots. */
async function makeKey(url: string, admin: { email: string; password: string }): Promise<string> {
  const accessToken = await signIn(url, admin)
  const key = await post(`${url}/api-keys`, { name: 'demo robot', scopes: ['moments:write'] }, accessToken)
  if (key.status !== 201) throw refusal('making a key for the demo robot', key)
  return textOf(key, 'key' in key.body ? 'key' : 'apiKey')
}

/** In a process of its own, which needs memory for pictures while it runs. The key travels in its environment. */
async function upload(url: string, { robotId, apiKey }: DemoRobot, ownerId: string): Promise<void> {
  const file = join(ROOT, 'infra/seed/src/robot/main.ts')
  const child = spawn(process.execPath, [file, '--url', url, '--owner', ownerId, ...CAPTURES, '--quiet'], {
    env: {
      PATH: process.env.PATH,
      ROBOT_API_KEY: apiKey,
      ROBOT_UUID: robotId,
      ROBOT_REQUEST_ID_PREFIX: DEMO_REQUEST_ID,
    },
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  guardChild(child)
  const errors: string[] = []
  child.stderr.on('data', (piece: Buffer) => errors.push(piece.toString()))
  const end = await whenEnded(child)
  if (end !== 'exit code 0') throw new Error(`The demo robot ended with ${end}. ${errors.join('').slice(0, 1_000)}`)
}

function readRobot(file: string): DemoRobot | undefined {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
}

/** A file that is written beside it and renamed is never half of one. */
function keepRobot(file: string, robot: DemoRobot): void {
  writeFileSync(`${file}.new`, `${JSON.stringify(robot, null, 2)}\n`, { mode: 0o600, flush: true })
  renameSync(`${file}.new`, file)
}
