import type { Row } from './report.ts'
import { BASELINES, newestFirst } from './smart/baselines.ts'
import { meanOfSeeds } from './smart/ndcg.ts'
import { gatherAudience, replay } from './smart/replay.ts'
import { SEEDS, WORLDS } from './smart/worlds.ts'

const rows: Row[] = []
for (const world of WORLDS) {
  const t0 = performance.now()
  const audiences = SEEDS.map((seed) => gatherAudience(world, seed, newestFirst))
  for (const { name, rank } of BASELINES) {
    const means = audiences.map((audience) => {
      const days = replay(audience, rank).slice(world.measuredFrom - 1)
      return days.reduce((sum, ndcg) => sum + ndcg, 0) / days.length
    })
    const { mean, halfWidth } = meanOfSeeds(means)
    rows.push({ world: world.name, ranker: name, 'NDCG@10': mean.toFixed(3), '95 %': `± ${halfWidth.toFixed(3)}` })
  }
  console.log(world.name, performance.now() - t0)
}
console.table(rows)
