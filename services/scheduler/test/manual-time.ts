import type { Time } from '../src/engine/time.ts'

/** Time that stands still until a test moves it. */
export class ManualTime implements Time {
  #now: number
  #alarms: { instant: number; ring: () => void }[] = []

  constructor(start: string) {
    this.#now = Date.parse(start)
  }

  now(): number {
    return this.#now
  }

  date(): Date {
    return new Date(this.#now)
  }

  alarm(instant: number, ring: () => void): () => void {
    const alarm = { instant, ring }
    this.#alarms.push(alarm)
    if (instant <= this.#now) setImmediate(() => this.#ring())
    return () => {
      this.#alarms = this.#alarms.filter((other) => other !== alarm)
    }
  }

  /** Moves on, and rings what has come due. */
  advance(ms: number): void {
    this.#now += ms
    this.#ring()
  }

  #ring(): void {
    const due = this.#alarms.filter(({ instant }) => instant <= this.#now)
    this.#alarms = this.#alarms.filter((alarm) => !due.includes(alarm))
    for (const { ring } of due.sort((a, b) => a.instant - b.instant)) ring()
  }
}
