import { nearest, relevanceScale, SCORE_SHARE } from './diversity.ts'
import type { MomentTraits } from './types.ts'

/** An item to place: its moment's traits, its predicted worth, and the bound up to which it may be better. */
export interface Placeable {
  moment: MomentTraits
  score: number
  upperBound: number
  tier: Tier
}

/** 0: not seen. 1: seen, and liked or shared. 2: seen. */
export type Tier = 0 | 1 | 2

export interface Placed<T> {
  item: T
  isExplored: boolean
}

export const WINDOW = 10
export const MAX_OF_TYPE = 4
export const MAX_RUNNING = 2
/** Positions of each ten, counted from 1, that go to the highest upper bound. */
const EXPLORED_POSITIONS = [5, 10]
const DIVERSIFIED = 200

/**
 * Orders items by tier, and within a tier by score and diversity (maximal marginal relevance over the best 200).
 *
 * An item breaks a rule of the sequence only when each item left in its tier does. The limit of a type comes before the
 * limit of a robot, where no item respects both.
 *
 * @param items from best to worst
 */
export function placeItems<T extends Placeable>(items: readonly T[], most: number): Placed<T>[] {
  const placed: Placed<T>[] = []
  for (const tier of [0, 1, 2] as const) {
    const ofTier = items.filter((item) => item.tier === tier)
    placeTier(ofTier, placed, most)
  }
  return placed
}

/** Items of one type and robot, from best to worst. The rules of the sequence don't tell them apart. */
interface Lane<T> {
  type: string
  robotId: string
  items: T[]
}

function placeTier<T extends Placeable>(items: readonly T[], placed: Placed<T>[], most: number): void {
  const pool = new Set(items.slice(0, DIVERSIFIED))
  const relevanceOf = relevanceScale(items.slice(0, DIVERSIFIED))
  let lanes = lanesOf(items)
  while (lanes.length > 0 && placed.length < most) {
    const allowed = allowedNext(lanes, placed)
    const recent = placed.slice(1 - WINDOW).map(({ item }) => item.moment)
    const isExplored = items[0]?.tier === 0 && EXPLORED_POSITIONS.includes((placed.length % WINDOW) + 1)
    const pick = isExplored
      ? best(allowed, ({ upperBound }) => upperBound)
      : (best(
          allowed,
          (item) => SCORE_SHARE * relevanceOf(item) - (1 - SCORE_SHARE) * nearest(item.moment, recent),
          (item) => pool.has(item),
        ) ?? bestHead(allowed))
    if (!pick) return
    pick.lane.items.splice(pick.lane.items.indexOf(pick.item), 1)
    if (pick.lane.items.length === 0) lanes = lanes.filter((lane) => lane !== pick.lane)
    placed.push({ item: pick.item, isExplored })
  }
}

function lanesOf<T extends Placeable>(items: readonly T[]): Lane<T>[] {
  const lanes = new Map<string, Lane<T>>()
  for (const item of items) {
    const { type, robotId } = item.moment
    const key = JSON.stringify([type, robotId])
    const lane = lanes.get(key)
    if (lane) lane.items.push(item)
    else lanes.set(key, { type, robotId, items: [item] })
  }
  return [...lanes.values()]
}

/** Returns the lanes that break the fewest rules at the next position. */
function allowedNext<T extends Placeable>(lanes: readonly Lane<T>[], placed: readonly Placed<T>[]): readonly Lane<T>[] {
  const countByType = new Map<string, number>()
  for (const { item } of placed.slice(1 - WINDOW)) {
    countByType.set(item.moment.type, (countByType.get(item.moment.type) ?? 0) + 1)
  }
  const running = placed.slice(-MAX_RUNNING).map(({ item }) => item.moment.robotId)
  const [robotId] = running
  const isFull = running.length === MAX_RUNNING && running.every((id) => id === robotId)
  const ofType = lanes.filter(({ type }) => (countByType.get(type) ?? 0) < MAX_OF_TYPE)
  const typed = ofType.length > 0 ? ofType : lanes
  const ofBoth = typed.filter((lane) => !isFull || lane.robotId !== robotId)
  return ofBoth.length > 0 ? ofBoth : typed
}

interface Pick<T> {
  lane: Lane<T>
  item: T
}

/**
 * Returns the item of the lanes with the highest value, the better scored one when equal; undefined when none is eligible.
 *
 * @param isEligible true for the first items of a lane, false from some item on
 */
function best<T extends Placeable>(
  lanes: readonly Lane<T>[],
  measure: (item: T) => number,
  isEligible: (item: T) => boolean = () => true,
): Pick<T> | undefined {
  let pick: Pick<T> | undefined
  let highest = Number.NEGATIVE_INFINITY
  for (const lane of lanes) {
    for (const item of lane.items) {
      if (!isEligible(item)) break
      const value = measure(item)
      if (value < highest || (value === highest && pick && item.score <= pick.item.score)) continue
      pick = { lane, item }
      highest = value
    }
  }
  return pick
}

function bestHead<T extends Placeable>(lanes: readonly Lane<T>[]): Pick<T> | undefined {
  let pick: Pick<T> | undefined
  for (const lane of lanes) {
    const [item] = lane.items
    if (item && (!pick || item.score > pick.item.score)) pick = { lane, item }
  }
  return pick
}
