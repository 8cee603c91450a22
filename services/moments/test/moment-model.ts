import { randomUUID } from 'node:crypto'
import type { Person } from '@platform/testing/platform.ts'
import { sql } from 'kysely'
import type { MomentsPlatform } from './harness.ts'
import { deleteMoments, purgeMoments, restoreMoments } from './mutations.ts'

/** A moment, as the model knows it. */
export interface ModelMoment {
  id: string
  robotId: string
  capturedAt: Date
  type: string
  state: 'live' | 'deleted' | 'purged'
  isExpired: boolean
}

/** One event in the life of moments. `n` picks the moment, the capture's time and the like. */
export interface Operation {
  what: 'arrive' | 'delete' | 'restore' | 'purge' | 'expire'
  n: number
}

const BEGIN = Date.UTC(2026, 0, 1)
const TYPES = ['photo', 'video']

/** A person with two robots, whose moments are kept in the database and in a model alike. */
export class MomentModel {
  readonly moments: ModelMoment[] = []
  readonly #platform: MomentsPlatform
  readonly #robotIds: string[]
  readonly #beginMs: number

  private constructor(platform: MomentsPlatform, robotIds: string[], beginMs: number) {
    this.#platform = platform
    this.#robotIds = robotIds
    this.#beginMs = beginMs
  }

  /** @param beginMs the earliest capture */
  static async create(platform: MomentsPlatform, person: Person, beginMs = BEGIN): Promise<MomentModel> {
    const robotIds = [await platform.robot(), await platform.robot()]
    for (const robotId of robotIds) await platform.grant(robotId, person)
    return new MomentModel(platform, robotIds, beginMs)
  }

  /** A robot that was offline sends captures late: any hour of three days, and often one that others have, too. */
  async #arrive(n: number): Promise<void> {
    const robotId = this.#robotIds[n % 2] ?? randomUUID()
    const type = TYPES[(n % 3) % 2] ?? ''
    const capturedAt = new Date(this.#beginMs + (n % 72) * 3_600_000)
    const id = await this.#platform.moment(robotId, { capturedAt, type })
    this.moments.push({ id, robotId, capturedAt, type, state: 'live', isExpired: false })
  }

  /** Does it in the database and in the model. Returns the moment that has changed, if there was a fitting one. */
  async apply({ what, n }: Operation): Promise<ModelMoment | undefined> {
    if (what === 'arrive') {
      await this.#arrive(n)
      return this.moments.at(-1)
    }
    const { db } = this.#platform
    const isFitting = ({ state }: ModelMoment) => (what === 'restore' || what === 'purge') === (state === 'deleted')
    const fitting = this.moments.filter((moment) => moment.state !== 'purged' && isFitting(moment))
    const moment = fitting[n % fitting.length]
    if (!moment) return undefined
    if (what === 'delete') await deleteMoments(db, [moment.id])
    if (what === 'restore') await restoreMoments(db, [moment.id])
    if (what === 'purge') await purgeMoments(db, [moment.id])
    // Later than the clock of any answer that was given.
    if (what === 'expire') {
      const soon = sql<Date>`clock_timestamp() + interval '2 ms'`
      await db.updateTable('moment').set({ expires_at: soon }).where('id', '=', moment.id).execute()
      moment.isExpired = true
    } else moment.state = what === 'delete' ? 'deleted' : what === 'restore' ? 'live' : 'purged'
    return moment
  }

  /** The ids of a list, in the timeline's order. */
  list(isListed: (moment: ModelMoment) => boolean): string[] {
    return this.moments
      .filter((moment) => moment.state === 'live' && !moment.isExpired && isListed(moment))
      .sort((a, b) => b.capturedAt.getTime() - a.capturedAt.getTime() || (a.id < b.id ? 1 : -1))
      .map(({ id }) => id)
  }

  isLive(id: string): boolean {
    return this.moments.some((moment) => moment.id === id && moment.state === 'live')
  }
}

/** Filters with what they mean in the model. */
export const FILTERS: { query: string; isListed: (moment: ModelMoment) => boolean }[] = [
  { query: '', isListed: () => true },
  { query: '&filter[type]=photo', isListed: ({ type }) => type === 'photo' },
  {
    query: '&filter[localTime]=20:00:00-06:00:00',
    isListed: ({ capturedAt }) => capturedAt.getUTCHours() >= 20 || capturedAt.getUTCHours() < 6,
  },
  {
    query: '&filter[capturedAt]=2026-01-01T12:00:00Z/..',
    isListed: ({ capturedAt }) => capturedAt.getTime() >= BEGIN + 12 * 3_600_000,
  },
]
