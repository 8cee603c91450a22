import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type AccountState, accountCreated, accountDeleted, accountUpdated } from '@platform/contracts/accounts.ts'
import { erasureRequested } from '@platform/contracts/erasure.ts'
import { type RobotAccessState, robotAccessGranted, robotAccessRevoked } from '@platform/contracts/robot-access.ts'
import { dropParked, listParked } from '@platform/events/parked.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { findKafkaBrokers } from '@platform/testing/kafka.ts'
import type { Robot } from '../../src/robots/shapes.ts'
import { type MomentsAlone, startMomentsAlone, transportsOn } from './moments-alone.ts'

const BEFORE = '2026-01-01T10:00:00.000Z'
const AFTER = '2999-01-01T10:00:00.000Z'

interface Place {
  robotId: string
  userId: string
}

const somewhere = (): Place => ({ robotId: randomUUID(), userId: randomUUID() })

describe.each(transportsOn(findKafkaBrokers()))('events from other systems on $on', ({ kafka }) => {
  let alone: MomentsAlone
  beforeAll(async () => {
    alone = await startMomentsAlone(kafka)
  })
  afterAll(() => alone.stop())

  /** An event about a right. */
  interface AccessEvent {
    version: number
    right?: 'viewer' | 'owner'
    visibleFrom?: string
    time?: string
    id?: string
    snapshot?: boolean
  }

  function send(
    type: typeof robotAccessGranted,
    { robotId, userId }: Place,
    { version, right = 'viewer', visibleFrom, time = BEFORE, id = randomUUID(), snapshot }: AccessEvent,
  ): Promise<void> {
    const data: RobotAccessState = { robotUUID: robotId, userId, right, visibleFrom }
    const subject = `${robotId}/${userId}`
    return alone.send(type, { key: robotId, subject, data, time, id, snapshot, entityversion: version })
  }
  const granted = (place: Place, event: AccessEvent) => send(robotAccessGranted, place, event)
  const revoked = (place: Place, event: AccessEvent) => send(robotAccessRevoked, place, event)

  const accessOf = ({ robotId, userId }: Place) =>
    alone.moments.db
      .selectFrom('access')
      .select(['right', 'event_version', 'revoked_at', 'visible_from', 'changed_xid'])
      .where('robot_id', '=', robotId)
      .where('user_id', '=', userId)
      .executeTakeFirst()

  const whenVersionIs = (place: Place, version: number) =>
    eventually(async () => {
      const access = await accessOf(place)
      expect(access?.event_version).toBe(version)
      return access
    })

  /** Waits until everything that was sent before for the robot is handled: an event after it has taken effect. */
  async function settled(robotId: string): Promise<void> {
    const marker = { robotId, userId: randomUUID() }
    await granted(marker, { version: 1, time: AFTER })
    await whenVersionIs(marker, 1)
  }

  it('make a robot known, and give, change, revoke and renew a right', async () => {
    const place = somewhere()
    const viewer = alone.caller({ id: place.userId })
    await granted(place, { version: 1, visibleFrom: BEFORE })
    const first = await whenVersionIs(place, 1)
    const robot = { uuid: place.robotId, timeZone: 'UTC' }
    expect((await viewer.get<Robot[]>('/robots')).body).toEqual([{ ...robot, right: 'viewer', visibleFrom: BEFORE }])
    await granted(place, { version: 2, right: 'owner' })
    const second = await whenVersionIs(place, 2)
    expect(BigInt(second?.changed_xid ?? 0) > BigInt(first?.changed_xid ?? 0)).toBe(true)
    expect((await viewer.get<Robot[]>('/robots')).body).toEqual([{ ...robot, right: 'owner' }])
    // The last owner: events are authoritative.
    await revoked(place, { version: 3, right: 'owner' })
    await whenVersionIs(place, 3)
    expect((await viewer.get(`/robots/${place.robotId}`)).status).toBe(403)
    await granted(place, { version: 4 })
    await whenVersionIs(place, 4)
    expect((await viewer.get(`/robots/${place.robotId}`)).status).toBe(200)
  })

  it('have no effect when they are repeated or late, and wait for a version that is missing', async () => {
    const place = somewhere()
    const id = randomUUID()
    await granted(place, { version: 1 })
    await granted(place, { version: 2, right: 'owner', id })
    await granted(place, { version: 2, right: 'owner', id })
    await granted(place, { version: 1 })
    await settled(place.robotId)
    expect(await accessOf(place)).toMatchObject({ right: 'owner', event_version: 2 })
    await revoked(place, { version: 4 })
    await eventually(async () => {
      const parked = await listParked(alone.moments.db)
      expect(parked).toMatchObject([{ topic: 'robots.access', key: place.robotId }])
    })
    expect(await accessOf(place)).toMatchObject({ revoked_at: null, event_version: 2 })
    await granted(place, { version: 3 })
    await whenVersionIs(place, 4)
    expect((await accessOf(place))?.revoked_at).not.toBeNull()
    await granted(place, { version: 9, right: 'owner', snapshot: true })
    expect(await whenVersionIs(place, 9)).toMatchObject({ right: 'owner', revoked_at: null })
    expect(await listParked(alone.moments.db)).toEqual([])
  })

  it('are parked when subject and data name different rights', async () => {
    const [place, other] = [somewhere(), somewhere()]
    const data: RobotAccessState = { robotUUID: place.robotId, userId: place.userId, right: 'owner' }
    const subject = `${place.robotId}/${other.userId}`
    await alone.send(robotAccessGranted, { key: place.robotId, subject, data })
    const found = () => listParked(alone.moments.db)
    const [parked] = await eventually(async () => {
      const rows = await found()
      expect(rows).toHaveLength(1)
      return rows
    })
    expect(await accessOf(place)).toBeUndefined()
    await dropParked(alone.moments.db, Number(parked?.id))
  })

  it('keep the read model of accounts, and late or repeated ones have no effect', async () => {
    const id = randomUUID()
    const account = () =>
      alone.moments.db.selectFrom('account').select(['version', 'deleted_at']).where('id', '=', id).execute()
    const tell = (type: typeof accountCreated, version: number, deletedAt?: string) => {
      const data: AccountState = { id, timezone: 'UTC', createdAt: BEFORE, updatedAt: BEFORE, deletedAt }
      return alone.send(type, { subject: id, data, entityversion: version })
    }
    await tell(accountCreated, 1)
    await tell(accountUpdated, 2)
    await eventually(async () => expect(await account()).toEqual([{ version: 2, deleted_at: null }]))
    await tell(accountDeleted, 3, BEFORE)
    const deleted = [{ version: 3, deleted_at: new Date(BEFORE) }]
    await eventually(async () => expect(await account()).toEqual(deleted))
    await tell(accountUpdated, 2)
    await tell(accountCreated, 1)
    await tell(accountDeleted, 4, BEFORE)
    await eventually(async () => expect(await account()).toEqual([{ version: 4, deleted_at: new Date(BEFORE) }]))
  })

  /** Requests an erasure as the groups service does, and waits for the part. */
  async function erase(userId: string): Promise<void> {
    const id = randomUUID()
    const data = { id, userId, services: ['groups', 'moments'], requestedAt: BEFORE }
    await alone.send(erasureRequested, { subject: id, data })
    await eventually(async () => {
      const { rows } = await alone.moments.pool.query(
        "select from moments.erased_person where person = sha256(convert_to($1, 'UTF8'))",
        [userId],
      )
      expect(rows).toHaveLength(1)
    })
  }

  it('do not bring an erased person back when they come late, and do when they are newer', async () => {
    const [place, keeper] = [somewhere(), randomUUID()]
    await granted(place, { version: 1 })
    await granted({ ...place, userId: keeper }, { version: 1, right: 'owner' })
    await whenVersionIs({ ...place, userId: keeper }, 1)
    await erase(place.userId)
    expect(await accessOf(place)).toBeUndefined()
    await granted(place, { version: 2 })
    await revoked(place, { version: 3, time: AFTER })
    const data = { id: place.userId, timezone: 'UTC', createdAt: BEFORE, updatedAt: BEFORE, deletedAt: BEFORE }
    const eventId = randomUUID()
    await alone.send(accountDeleted, { id: eventId, subject: place.userId, data, entityversion: 3 })
    await settled(place.robotId)
    expect(await accessOf(place)).toBeUndefined()
    // The versions before went with the erasure, so nothing waits for them.
    await granted(place, { version: 4, time: AFTER })
    await whenVersionIs(place, 4)
    await eventually(async () => {
      const inbox = alone.moments.db.selectFrom('inbox').select('event_id').where('event_id', '=', eventId)
      expect(await inbox.execute()).toHaveLength(1)
    })
    expect(await listParked(alone.moments.db)).toEqual([])
    expect(await alone.moments.db.selectFrom('account').where('id', '=', place.userId).selectAll().execute()).toEqual(
      [],
    )
  })

  it('make a robot known anew after it was erased with its last user', async () => {
    const place = somewhere()
    const heir = { robotId: place.robotId, userId: randomUUID() }
    await granted(place, { version: 1, right: 'owner' })
    await granted(heir, { version: 1 })
    await revoked(heir, { version: 2 })
    await whenVersionIs(heir, 2)
    await erase(place.userId)
    const robots = () => alone.moments.db.selectFrom('robot').where('id', '=', place.robotId).selectAll().execute()
    expect(await robots()).toEqual([])
    await revoked(place, { version: 2, time: AFTER })
    await granted(heir, { version: 3, time: AFTER, right: 'owner' })
    expect(await whenVersionIs(heir, 3)).toMatchObject({ right: 'owner', revoked_at: null })
    expect(await accessOf(place)).toBeUndefined()
    expect(await robots()).toHaveLength(1)
  })
})
