import { isModerator, type RedactedStatuses } from '@platform/contracts/redaction.ts'
import type { ModerationStatus } from '@platform/contracts/shapes.ts'
import type { Caller } from '@platform/http/assertion.ts'
import { DomainError } from '@platform/http/errors.ts'
import { type Page, toPage } from '@platform/http/paging.ts'
import { type ExpressionBuilder, type SqlBool, sql } from 'kysely'
import type { Db, GroupRow, GroupsTables } from '../db/schema.ts'
import { isParticipant, withParticipants } from './find-groups.ts'
import { toGroup } from './group-view.ts'
import type { Group, GroupsQuery } from './shapes.ts'

/**
 * A filtered list counts its entries up to here and says this many when there are more: what a count costs must not
 * grow with the table. Without a filter the total is kept and exact.
 */
export const COUNTED_UP_TO = 1_000

// A sphere of this mean radius, where earthdistance takes the equator's.
const KM_PER_EARTH_RADIUS = 6371.0088

const ADDRESS_PARTS = ['country', 'countryCode', 'region', 'city', 'street'] as const

type GroupBuilder = ExpressionBuilder<GroupsTables, 'group'>
type ListedGroup = GroupRow & { is_following: boolean; distance: number | null }

/**
 * A page of the groups that the caller may know of and that fit every filter. Newest first, unless nearest or most
 * popular are asked for; with both, popularity orders and the distance is only shown.
 *
 * @throws DomainError `validation` for one of `lat` and `lng` without the other
 */
export async function listGroups(
  db: Db,
  caller: Caller,
  query: GroupsQuery,
  redacted: RedactedStatuses,
): Promise<Page<Group>> {
  const near = readPosition(query)
  const list = new GroupList(db, caller, query, redacted, near)
  const total = await list.total()
  const offset = query.page * query.limit
  const rows = offset >= total && total < COUNTED_UP_TO ? [] : await list.rows(offset, query.limit)
  const seen = await withParticipants(db, rows)
  return toPage(
    seen.map((row) => toGroup(row, caller, redacted)),
    total,
    query,
  )
}

interface Position {
  lat: number
  lng: number
}

function readPosition({ lat, lng }: GroupsQuery): Position | undefined {
  if (lat !== undefined && lng !== undefined) return { lat, lng }
  if (lat === undefined && lng === undefined) return undefined
  throw new DomainError('validation', `query.${lat === undefined ? 'lat' : 'lng'} is missing: lat and lng go together`)
}

class GroupList {
  readonly #db: Db
  readonly #caller: Caller
  readonly #query: GroupsQuery
  readonly #redacted: ModerationStatus[]
  readonly #near: Position | undefined
  /** All that fit, once they are known to be few. */
  #few: string[] | undefined

  constructor(db: Db, caller: Caller, query: GroupsQuery, redacted: RedactedStatuses, near: Position | undefined) {
    this.#db = db
    this.#caller = caller
    this.#query = query
    this.#redacted = [...redacted]
    this.#near = near
  }

  async total(): Promise<number> {
    if (!this.#isFiltered()) return this.#keptTotal()
    if (this.#query.groupName) return this.#findNamed(this.#query.groupName)
    const counted = this.#fitting().select('group.id').limit(COUNTED_UP_TO).as('counted')
    const { total } = await this.#db
      .selectFrom(counted)
      .select((eb) => eb.fn.countAll<number>().as('total'))
      .executeTakeFirstOrThrow()
    return total
  }

  /**
   * Finds what fits by the index of names, and keeps it when it is few. That index cannot tell which of many are the
   * newest; but of many some come soon in any order, so then the order's own index is walked for the page.
   *
   * @returns how many there are, up to COUNTED_UP_TO
   */
  async #findNamed(part: string): Promise<number> {
    const found = await this.#fitting()
      .where('group.id', 'in', (eb) =>
        eb
          .selectFrom('group_name')
          .select('group_id')
          .where(sql<SqlBool>`name_grams(group_name.name) @> searched_grams(lower(${part}))`),
      )
      .select('group.id')
      .limit(COUNTED_UP_TO)
      .execute()
    if (found.length < COUNTED_UP_TO) this.#few = found.map(({ id }) => id)
    return found.length
  }

  async rows(offset: number, limit: number): Promise<ListedGroup[]> {
    if (!this.#near || this.#query.isPopular) return this.#ordered().offset(offset).limit(limit).execute()
    const positioned = await this.#nearest(this.#near).offset(offset).limit(limit).execute()
    if (positioned.length === limit) return positioned
    // The page reaches past the groups with a position: those without one follow, newest first.
    const before = positioned.length > 0 ? offset + positioned.length : await this.#countPositioned()
    const rest = await this.#newest()
      .where((eb) => eb.not(this.#hasPosition(eb)))
      .offset(Math.max(0, offset - before))
      .limit(limit - positioned.length)
      .execute()
    return [...positioned, ...rest]
  }

  #isFiltered(): boolean {
    const { page: _p, limit: _l, lat: _lat, lng: _lng, isPopular: _i, includeFollowing: _f, ...filters } = this.#query
    return (
      Object.values(filters).some((value) => value !== undefined && value !== '' && value !== false) ||
      this.#query.isFollowing === false
    )
  }

  /** Public groups, counted as they come and go, and the caller's own Private ones. */
  async #keptTotal(): Promise<number> {
    const { total } = await this.#db
      .selectNoFrom((eb) =>
        sql<number>`${eb.selectFrom('public_group_total').select(sql<number>`sum(total)`.as('total'))}
          + ${eb
            .selectFrom('participant')
            .innerJoin('group', 'group.id', 'participant.group_id')
            .select(sql<number>`count(*)`.as('total'))
            .where('participant.user_id', '=', this.#caller.userId)
            .where('participant.deleted_at', 'is', null)
            .where('group.deleted_at', 'is', null)
            .where('group.group_type', '=', 'Private')}`.as('total'),
      )
      .executeTakeFirstOrThrow()
    return Number(total)
  }

  #ordered() {
    return this.#query.isPopular ? this.#newestAfter('participants_count') : this.#newest()
  }

  #newest() {
    return this.#selected().orderBy('group.created_at', 'desc').orderBy('group.id', 'desc')
  }

  #newestAfter(column: 'participants_count') {
    return this.#selected()
      .orderBy(`group.${column}`, 'desc')
      .orderBy('group.created_at', 'desc')
      .orderBy('group.id', 'desc')
  }

  #nearest({ lat, lng }: Position) {
    return this.#selected()
      .where((eb) => this.#hasPosition(eb))
      .orderBy(sql`"group".sorted_position <-> ll_to_earth(${lat}, ${lng})`)
      .orderBy('group.id', 'desc')
  }

  async #countPositioned(): Promise<number> {
    const { total } = await this.#fitting()
      .where((eb) => this.#hasPosition(eb))
      .select((eb) => eb.fn.countAll<number>().as('total'))
      .executeTakeFirstOrThrow()
    return total
  }

  #selected() {
    const { userId } = this.#caller
    return this.#fitting()
      .selectAll('group')
      .select((eb) => [isParticipant(eb, userId).as('is_following'), this.#distance().as('distance')])
  }

  #distance() {
    if (!this.#near) return sql<number | null>`null::float8`
    const { lat, lng } = this.#near
    return sql<
      number | null
    >`earth_distance("group".position, ll_to_earth(${lat}, ${lng})) / earth() * ${KM_PER_EARTH_RADIUS}`
  }

  /** The groups of the list, not yet ordered. */
  #fitting() {
    const { groupName, sportId, myGroups, includeFollowing, isFollowing } = this.#query
    const { userId } = this.#caller
    let groups = this.#db
      .selectFrom('group')
      .where('group.deleted_at', 'is', null)
      .where((eb) => eb.or([eb('group.group_type', '=', 'Public'), isParticipant(eb, userId)]))
    if (this.#few) groups = groups.where('group.id', 'in', this.#few)
    if (sportId) groups = groups.where('group.sport_id', '=', sportId)
    if (myGroups) groups = groups.where((eb) => isParticipant(eb, userId, includeFollowing ? undefined : 'is_admin'))
    if (isFollowing === true) groups = groups.where((eb) => isParticipant(eb, userId))
    if (isFollowing === false) groups = groups.where((eb) => eb.not(isParticipant(eb, userId)))
    if (groupName) {
      groups = groups
        .where(sql<SqlBool>`strpos(lower("group".name), lower(${groupName})) > 0`)
        .where((eb) => this.#isReadable(eb))
    }
    for (const part of ADDRESS_PARTS) {
      const value = this.#query[`address[${part}]`]
      if (!value) continue
      groups = groups
        .where(sql<SqlBool>`lower("group".address ->> ${sql.lit(part)}) = lower(${value})`)
        .where('group.address', 'is not', null)
        .where((eb) => this.#isReadable(eb))
    }
    return groups
  }

  /** What is redacted for the caller must not be found by what it says, nor by where it is. */
  #isReadable(eb: GroupBuilder) {
    if (isModerator(this.#caller) || this.#redacted.length === 0) return eb.lit(true)
    return eb.or([
      eb('group.moderation_status', 'not in', this.#redacted),
      eb('group.owner_id', '=', this.#caller.userId),
    ])
  }

  #hasPosition(eb: GroupBuilder) {
    return eb.and([eb('group.position', 'is not', null), this.#isReadable(eb)])
  }
}
