/**
 * The trainer's pairs: for every pair of neighbouring ids its weighted count and the positions where it stood when last looked at.
 * A hash table from (left, right) to an index into parallel arrays; positions are ranges of one arena.
 */

export class Pairs {
  size = 0;
  left = new Int32Array(1 << 14);
  right = new Int32Array(1 << 14);
  /** Occurrences over the corpus: the sum of the counts of the words that hold them. */
  count = new Float64Array(1 << 14);
  /** Positions of pair i: `arena[from[i], from[i] + num[i])`, ascending. */
  from = new Int32Array(1 << 14);
  num = new Int32Array(1 << 14);
  arena = new Int32Array(1 << 16);
  private used = 0;
  private slots = new Int32Array(1 << 15).fill(-1);
  private mask = (1 << 15) - 1;

  /** Index of the pair, which is made if it is new. */
  at(left: number, right: number): number {
    const { slots, mask } = this;
    const h = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
    let slot = (h ^ (h >>> 15)) & mask;
    for (;;) {
      const pair = slots[slot]!;
      if (pair < 0) break;
      if (this.left[pair] === left && this.right[pair] === right) return pair;
      slot = (slot + 1) & mask;
    }
    const pair = this.size++;
    if (this.size > this.left.length) this.growPairs();
    this.left[pair] = left;
    this.right[pair] = right;
    slots[slot] = pair;
    if (this.size * 2 > mask) this.growSlots();
    return pair;
  }

  /** Room for `more` positions after those that the pair has; returns where to write the first of them. */
  extend(pair: number, more: number): number {
    const have = this.num[pair]!;
    const start = this.used;
    if (start + have + more > this.arena.length) {
      const arena = new Int32Array(Math.max(this.arena.length * 2, start + have + more));
      arena.set(this.arena);
      this.arena = arena;
    }
    if (have > 0) this.arena.copyWithin(start, this.from[pair]!, this.from[pair]! + have);
    this.used = start + have + more;
    this.from[pair] = start;
    this.num[pair] = have + more;
    return start + have;
  }

  private growPairs(): void {
    const length = this.left.length * 2;
    const ints = (a: Int32Array): Int32Array<ArrayBuffer> => {
      const b = new Int32Array(length);
      b.set(a);
      return b;
    };
    const count = new Float64Array(length);
    count.set(this.count);
    this.count = count;
    this.left = ints(this.left);
    this.right = ints(this.right);
    this.from = ints(this.from);
    this.num = ints(this.num);
  }

  private growSlots(): void {
    this.mask = this.slots.length * 2 - 1;
    this.slots = new Int32Array(this.mask + 1).fill(-1);
    for (let pair = 0; pair < this.size; pair++) {
      const h = Math.imul(this.left[pair]!, 0x9e3779b1) ^ Math.imul(this.right[pair]!, 0x85ebca6b);
      let slot = (h ^ (h >>> 15)) & this.mask;
      while (this.slots[slot]! >= 0) slot = (slot + 1) & this.mask;
      this.slots[slot] = pair;
    }
  }
}

/**
 * Which pair comes next: the greatest count, then the lesser left id, then the lesser right id, the order of Hugging Face's trainer.
 * Counts fall while an entry waits, so an entry is judged again when it comes up.
 */
export class PairQueue {
  private readonly pairs: Pairs;
  private heap = new Int32Array(1 << 14);
  private counts = new Float64Array(1 << 14);
  private size = 0;

  constructor(pairs: Pairs) {
    this.pairs = pairs;
  }

  /** Whether (pair a, count m) comes before (pair b, count n). */
  private before(a: number, m: number, b: number, n: number): boolean {
    if (m !== n) return m > n;
    const { left, right } = this.pairs;
    return left[a]! < left[b]! || (left[a] === left[b] && right[a]! < right[b]!);
  }

  push(pair: number): void {
    if (this.size === this.heap.length) {
      const heap = new Int32Array(this.size * 2);
      heap.set(this.heap);
      this.heap = heap;
      const counts = new Float64Array(this.size * 2);
      counts.set(this.counts);
      this.counts = counts;
    }
    const count = this.pairs.count[pair]!;
    const { heap, counts } = this;
    let i = this.size++;
    for (let up = (i - 1) >> 1; i > 0 && this.before(pair, count, heap[up]!, counts[up]!); up = (i - 1) >> 1) {
      heap[i] = heap[up]!;
      counts[i] = counts[up]!;
      i = up;
    }
    heap[i] = pair;
    counts[i] = count;
  }

  /** The first pair by its present count, or -1 where none has a count left. */
  pop(): number {
    while (this.size > 0) {
      const pair = this.heap[0]!;
      const now = this.pairs.count[pair]!;
      const fresh = this.counts[0] === now;
      if (fresh || now <= 0) {
        this.size--;
        this.sink(this.heap[this.size]!, this.counts[this.size]!);
        if (now > 0) return pair;
      } else this.sink(pair, now);
    }
    return -1;
  }

  /** Puts an entry at the root and lets it sink to its place. */
  private sink(pair: number, count: number): void {
    const { heap, counts, size } = this;
    let i = 0;
    for (let down = 1; down < size; down = 2 * i + 1) {
      if (down + 1 < size && this.before(heap[down + 1]!, counts[down + 1]!, heap[down]!, counts[down]!)) down++;
      if (!this.before(heap[down]!, counts[down]!, pair, count)) break;
      heap[i] = heap[down]!;
      counts[i] = counts[down]!;
      i = down;
    }
    heap[i] = pair;
    counts[i] = count;
  }
}
