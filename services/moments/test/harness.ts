import { randomUUID } from 'node:crypto'
import { openDatabase } from '@platform/db/database.ts'
import { createLogger } from '@platform/log/logger.ts'
import { type Person, type Platform, startPlatform } from '@platform/testing/platform.ts'
import type { Db, MomentsTables, Right } from '../src/db/schema.ts'

/** A robot with people of every right on it. */
export interface Cast {
  robotId: string
  owner: Person
  viewer: Person
  /** Sees nothing that was captured before `visibleFrom`. */
  lateViewer: Person
  visibleFrom: Date
  /** Had a right that was revoked. */
  revoked: Person
  stranger: Person
}

/** The whole platform, with ways into the schema of moments for what a test needs to be there before. */
export interface MomentsPlatform {
  platform: Platform
  db: Db
  /** A person with the role that keys with `moments:write` have. */
  service: Person
  robot(options?: { timeZone?: string }): Promise<string>
  grant(robotId: string, person: { id: string }, right?: Right, visibleFrom?: Date): Promise<void>
  revoke(robotId: string, person: { id: string }): Promise<void>
  cast(): Promise<Cast>
  moment(robotId: string, options?: NewTestMoment): Promise<string>
  stop(): Promise<void>
}

export interface NewTestMoment {
  type?: string
  title?: string
  capturedAt?: Date
  timeZone?: string
  /** `YYYY-MM-DD HH:MM:SS`; default: `capturedAt` as UTC has it. */
  localAt?: string
  expiresAt?: Date
  pinned?: boolean
}

/** @param isWhole starts every service: an erasure completes only with all of them */
export async function startMomentsPlatform(
  env: Record<string, string> = {},
  { isWhole = false }: { isWhole?: boolean } = {},
): Promise<MomentsPlatform> {
  const platform = await startPlatform({ env, ...(!isWhole && { services: ['moments'] }) })
  const database = openDatabase<MomentsTables>({
    url: platform.database.urlFor('moments'),
    applicationName: 'test',
    log: createLogger({ service: 'test', level: 'silent', format: 'json' }),
    poolSize: 2,
  })
  const { db } = database

  const robot: MomentsPlatform['robot'] = async ({ timeZone = 'UTC' } = {}) => {
    const id = randomUUID()
    const now = new Date()
    await db.insertInto('robot').values({ id, time_zone: timeZone, created_at: now, updated_at: now }).execute()
    return id
  }
  let grantedAtMs = 0
  const grant: MomentsPlatform['grant'] = async (robotId, person, right = 'viewer', visibleFrom) => {
    // Rights are listed by time: no two of them have the same one.
    grantedAtMs = Math.max(Date.now(), grantedAtMs + 1)
    const granted = { right, visible_from: visibleFrom ?? null, granted_at: new Date(grantedAtMs), revoked_at: null }
    await db
      .insertInto('access')
      .values({ robot_id: robotId, user_id: person.id, ...granted })
      .onConflict((oc) => oc.columns(['robot_id', 'user_id']).doUpdateSet(granted))
      .execute()
  }
  const revoke: MomentsPlatform['revoke'] = async (robotId, person) => {
    await db
      .updateTable('access')
      .set({ revoked_at: new Date() })
      .where('robot_id', '=', robotId)
      .where('user_id', '=', person.id)
      .execute()
  }
  return {
    platform,
    db,
    service: platform.person({ roles: ['service'] }),
    robot,
    grant,
    revoke,
    cast: async () => {
      const robotId = await robot()
      const [owner, viewer, lateViewer, revoked, stranger] = Array.from({ length: 5 }, () => platform.person())
      if (!owner || !viewer || !lateViewer || !revoked || !stranger) throw new Error('A person is missing.')
      const visibleFrom = new Date(Date.now() - 3_600_000)
      await grant(robotId, owner, 'owner')
      await grant(robotId, viewer)
      await grant(robotId, lateViewer, 'viewer', visibleFrom)
      await grant(robotId, revoked)
      await revoke(robotId, revoked)
      return { robotId, owner, viewer, lateViewer, visibleFrom, revoked, stranger }
    },
    moment: async (robotId, options = {}) => {
      const capturedAt = options.capturedAt ?? new Date()
      const id = randomUUID()
      const localAt = options.localAt ?? capturedAt.toISOString().slice(0, 23).replace('T', ' ')
      await db
        .insertInto('moment')
        .values({
          id,
          robot_id: robotId,
          source_id: id,
          type: options.type ?? 'photo',
          title: options.title ?? null,
          captured_at: capturedAt,
          time_zone: options.timeZone ?? 'UTC',
          local_at: localAt,
          expires_at: options.expiresAt ?? null,
          pinned: options.pinned ?? false,
          created_at: new Date(),
          updated_at: new Date(),
        })
        .execute()
      const media = { id: randomUUID(), moment_id: id, position: 0, kind: 'image' as const, bytes: 4 }
      await db
        .insertInto('media')
        .values({ ...media, content_type: 'image/jpeg', uri: `https://robots.example/${id}.jpg` })
        .execute()
      return id
    },
    stop: async () => {
      await database.close()
      await platform.stop()
    },
  }
}
