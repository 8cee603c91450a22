/** Draws numbers between 0 (inclusive) and 1 (exclusive). */
export type Random = () => number

/** Returns a generator (mulberry32) that always draws the same numbers for the same parts of its seed. */
export function seededRandom(...parts: (string | number)[]): Random {
  let state = hash(parts)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function hash(parts: (string | number)[]): number {
  let value = 0x811c9dc5
  for (const character of parts.join('\u0000')) {
    value = Math.imul(value ^ character.charCodeAt(0), 0x01000193)
  }
  return value
}

/** Draws from the standard normal distribution (Box and Muller). */
export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

/** Draws from the exponential distribution with this mean. */
export function exponential(random: Random, mean: number): number {
  return -Math.log(1 - random()) * mean
}

export function between(random: Random, least: number, most: number): number {
  return least + (most - least) * random()
}

/** Draws an index with a probability in proportion to its weight. */
export function weightedIndex(random: Random, weights: readonly number[]): number {
  let left = random() * weights.reduce((sum, weight) => sum + weight, 0)
  const index = weights.findIndex((weight) => {
    left -= weight
    return left < 0
  })
  return index === -1 ? weights.length - 1 : index
}

export function sigmoid(value: number): number {
  return 1 / (1 + Math.exp(-value))
}
