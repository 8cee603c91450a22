import { between, exponential, normal, type Random, seededRandom, sigmoid, weightedIndex } from './random.ts'
import { BACKLOG_DAYS, DAY_MS, EFFECTS, START_MS, TYPES, type World } from './worlds.ts'

/** One simulated moment, and the reactions of other viewers as instants in ascending order. */
export interface SimulatedMoment {
  id: string
  robotId: string
  type: string
  capturedAtMs: number
  localHour: number
  /** 1 is Monday, 7 is Sunday. */
  weekday: number
  features: { motion: number }
  othersLikedAtMs: number[]
  othersViewedAtMs: number[]
  /** Logits of the hidden preference without freshness: `taste` flips in the world where tastes flip, `fixed` stays. */
  taste: number
  fixed: number
}

export interface SimulatedUser {
  id: string
  visitHour: number
  freshness: number
  freshnessDays: number
  moments: SimulatedMoment[]
}

interface Population {
  type: number[]
  hourPeak: number
  hourSize: number
}

interface Taste {
  intercept: number
  type: number[]
  typeHour: number[][]
  hourPeak: number
  hourSize: number
  weekend: number
  motion: number
  motionCurve: number
}

interface Robot {
  id: string
  share: number
  otherViewers: number
  types: number[]
  peakHour: number
  motion: number
  taste: number
  tasteByType: number[]
}

const SLOT_MS = 120_000
const SLOTS_A_DAY = DAY_MS / SLOT_MS

/** Draws the users of one world and seed, each with all moments that their robots capture until the last day. */
export function drawAudience(world: World, seed: number, group: { name: string; users: number; days: number }) {
  const random = seededRandom('population', seed)
  const population: Population = {
    type: TYPES.map(() => EFFECTS.populationType * normal(random)),
    hourPeak: between(random, 0, 24),
    hourSize: EFFECTS.populationHour * Math.abs(normal(random)),
  }
  return Array.from({ length: group.users }, (_, i) => {
    const id = `${group.name}-${i + 1}`
    return drawUser({ id, days: group.days, random: seededRandom('user', seed, id) }, population, world)
  })
}

function drawUser(
  { id, days, random }: { id: string; days: number; random: Random },
  population: Population,
  world: World,
): SimulatedUser {
  const taste: Taste = {
    intercept: EFFECTS.intercept.mean + EFFECTS.intercept.deviation * normal(random),
    type: TYPES.map((_, i) => (population.type[i] ?? 0) + EFFECTS.type * normal(random)),
    typeHour: TYPES.map(() => Array.from({ length: 6 }, () => EFFECTS.typeHour * normal(random))),
    hourPeak: between(random, 0, 24),
    hourSize: between(random, EFFECTS.hour.least, EFFECTS.hour.most),
    weekend: EFFECTS.weekend * normal(random),
    motion: EFFECTS.feature * normal(random),
    motionCurve: EFFECTS.featureCurve * normal(random),
  }
  const robots = Array.from({ length: 2 + Math.floor(3 * random()) }, (_, i) =>
    drawRobot(`${id}-robot-${i + 1}`, random),
  )
  const size = EFFECTS.freshness
  const user: SimulatedUser = {
    id,
    visitHour: between(random, 17, 22),
    freshness: world.freshness * between(random, size.least, size.most),
    freshnessDays: between(random, size.leastDays, size.mostDays),
    moments: [],
  }
  for (let day = -BACKLOG_DAYS; day < days; day++) {
    // Days differ: a robot is switched off, or a family has visitors.
    const count = Math.round(world.momentsPerDay * between(random, 0.5, 1.5))
    const slots = new Set<number>()
    for (let i = 0; i < count; i++) {
      const robot =
        robots[
          weightedIndex(
            random,
            robots.map(({ share }) => share),
          )
        ]
      if (!robot) continue
      const slot = drawSlot(robot, slots, random)
      slots.add(slot)
      const capturedAtMs = START_MS + day * DAY_MS + slot * SLOT_MS
      user.moments.push(
        drawMoment({ id: `${id}-${day}-${i}`, capturedAtMs, robot }, { taste, population, world }, random),
      )
    }
  }
  user.moments.sort((a, b) => a.capturedAtMs - b.capturedAtMs)
  return user
}

function drawRobot(id: string, random: Random): Robot {
  return {
    id,
    share: between(random, 0.3, 1),
    otherViewers: Math.floor(7 * random()),
    types: TYPES.map(() => exponential(random, 1)),
    peakHour: between(random, 8, 20),
    motion: 0.5 * normal(random),
    taste: EFFECTS.robot * normal(random),
    tasteByType: TYPES.map(() => EFFECTS.robotType * normal(random)),
  }
}

/** Draws a free slot of the day; no two moments of a user are closer than two minutes, so that none is a burst. */
function drawSlot({ peakHour }: Robot, taken: Set<number>, random: Random): number {
  for (;;) {
    const hour = random() < 0.2 ? between(random, 0, 24) : (peakHour + 4 * normal(random) + 48) % 24
    const slot = Math.min(SLOTS_A_DAY - 1, Math.floor((hour / 24) * SLOTS_A_DAY))
    if (!taken.has(slot)) return slot
  }
}

function drawMoment(
  { id, capturedAtMs, robot }: { id: string; capturedAtMs: number; robot: Robot },
  { taste, population, world }: { taste: Taste; population: Population; world: World },
  random: Random,
): SimulatedMoment {
  const type = weightedIndex(random, robot.types)
  const localHour = Math.floor((capturedAtMs % DAY_MS) / 3_600_000)
  const weekday = new Date(capturedAtMs).getUTCDay() || 7
  const motion = robot.motion + normal(random)
  const appeal = EFFECTS.appealToAll * normal(random)
  const tasted =
    (taste.type[type] ?? 0) +
    (taste.typeHour[type]?.[Math.floor(localHour / 4)] ?? 0) +
    hourEffect(taste, localHour) +
    hourEffect(population, localHour) +
    (weekday >= 6 ? taste.weekend : 0) +
    taste.motion * motion +
    taste.motionCurve * (motion * motion - 1) +
    robot.taste +
    (robot.tasteByType[type] ?? 0)
  const moment: SimulatedMoment = {
    id,
    robotId: robot.id,
    type: TYPES[type] ?? 'video',
    capturedAtMs,
    localHour,
    weekday,
    features: { motion },
    othersLikedAtMs: [],
    othersViewedAtMs: [],
    taste: world.taste * tasted,
    fixed: taste.intercept + world.taste * (appeal + EFFECTS.appealToUser * normal(random)),
  }
  const likedByOthers = sigmoid(-0.7 + (population.type[type] ?? 0) + hourEffect(population, localHour) + appeal)
  for (let viewer = 0; viewer < robot.otherViewers; viewer++) {
    const viewedAtMs = capturedAtMs + exponential(random, DAY_MS)
    if (random() < 0.7) moment.othersViewedAtMs.push(viewedAtMs)
    else continue
    if (random() < 0.5 * likedByOthers) moment.othersLikedAtMs.push(viewedAtMs)
  }
  moment.othersViewedAtMs.sort((a, b) => a - b)
  moment.othersLikedAtMs.sort((a, b) => a - b)
  return moment
}

function hourEffect({ hourPeak, hourSize }: { hourPeak: number; hourSize: number }, hour: number): number {
  return hourSize * Math.cos((2 * Math.PI * (hour + 0.5 - hourPeak)) / 24)
}

/** Returns the hidden probability that the user likes an unseen moment at this instant: the truth that rankers guess. */
export function likeProbability(
  user: SimulatedUser,
  moment: SimulatedMoment,
  { nowMs, isFlipped }: { nowMs: number; isFlipped: boolean },
): number {
  const ageDays = (nowMs - moment.capturedAtMs) / DAY_MS
  const fresh = user.freshness * Math.exp(-ageDays / user.freshnessDays)
  return sigmoid((isFlipped ? -moment.taste : moment.taste) + moment.fixed + fresh)
}
