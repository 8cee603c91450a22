import type { Consumption } from './transport.ts'

/** The consumptions that a transport has open, so that it can answer and stop for all of them. */
export class Consumptions {
  readonly #open = new Set<Consumption>()

  /** @returns the member, which is forgotten here once it has stopped */
  add(member: Consumption): Consumption {
    const consumption: Consumption = {
      isReady: () => member.isReady(),
      stop: async () => {
        await member.stop()
        this.#open.delete(consumption)
      },
    }
    this.#open.add(consumption)
    return consumption
  }

  areReady(): boolean {
    return [...this.#open].every((consumption) => consumption.isReady())
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#open].map((consumption) => consumption.stop()))
  }
}
