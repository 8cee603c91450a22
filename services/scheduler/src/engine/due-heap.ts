/** Things by the instant at which they are due: the earliest one is always at hand. A binary heap. */
export class DueHeap<T extends { dueAt: Date }> {
  readonly #items: T[] = []

  get size(): number {
    return this.#items.length
  }

  peek(): T | undefined {
    return this.#items[0]
  }

  push(item: T): void {
    const items = this.#items
    let at = items.push(item) - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      if (!this.#isBefore(at, above)) break
      this.#swap(at, above)
      at = above
    }
  }

  pop(): T | undefined {
    const items = this.#items
    const [first] = items
    const last = items.pop()
    if (first === undefined || last === undefined || items.length === 0) return first
    items[0] = last
    let at = 0
    for (;;) {
      let least = at
      for (const below of [2 * at + 1, 2 * at + 2]) {
        if (below < items.length && this.#isBefore(below, least)) least = below
      }
      if (least === at) return first
      this.#swap(at, least)
      at = least
    }
  }

  /** Takes everything out, in no order. */
  clear(): T[] {
    return this.#items.splice(0)
  }

  #isBefore(a: number, b: number): boolean {
    return this.#at(a).dueAt.getTime() < this.#at(b).dueAt.getTime()
  }

  #swap(a: number, b: number): void {
    const item = this.#at(a)
    this.#items[a] = this.#at(b)
    this.#items[b] = item
  }

  #at(index: number): T {
    return this.#items[index] as T
  }
}
