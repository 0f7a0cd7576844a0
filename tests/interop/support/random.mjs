// Random choices that a seed repeats: always the same one, VD_SEED=n another, VD_SEED=random the clock's.

const text = process.env.VD_SEED ?? '1'

/** The run's seed. */
export const seed = text === 'random' ? Date.now() % 2 ** 32 : Number(text)

/** Mulberry32: small, and the same on every machine. */
export class Random {
  constructor(seed) {
    this.seed = seed >>> 0
    this.state = this.seed
  }

  /** In [0, 1). */
  next() {
    this.state = (this.state + 0x6d2b79f5) >>> 0
    let t = this.state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number from 0 up, below the limit. */
  below(limit) {
    return Math.floor(this.next() * limit)
  }

  /** A whole number, both ends included. */
  between(low, high) {
    return low + this.below(high - low + 1)
  }

  chance(probability) {
    return this.next() < probability
  }

  pick(list) {
    return list[this.below(list.length)]
  }

  /** One of [[weight, value], …]. */
  weighted(entries) {
    let at = this.next() * entries.reduce((sum, [weight]) => sum + weight, 0)
    for (const [weight, value] of entries) {
      if ((at -= weight) < 0) return value
    }
    return entries.at(-1)[1]
  }

  hex(bytes) {
    return `0x${Array.from({ length: bytes }, () => this.below(256).toString(16).padStart(2, '0')).join('')}`
  }
}
