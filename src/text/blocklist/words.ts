/**
 * Words and phrases, thousands at once: one automaton (Aho and Corasick, 1975) that takes a character in one step however many words there are.
 * White space is one space however much of it there is.
 */
import { foldText, isSpaceUnit, isWordUnit } from "../normalise/index.ts";

/** Finds in units that come one by one. `ends` and `hold` are places in the text. */
export interface Finder {
  /** Before a unit is taken: what ends here is found, now that it is known what follows. `next` is undefined at the end of the text. */
  before(next: number | undefined, end: number, found: (start: number, end: number) => void): void;
  take(unit: number, original: number, start: number): void;
  /** Where the first thing begins that may still become a finding; undefined where there is none. */
  readonly hold: number | undefined;
  /** What was taken matters no more, but for its last unit: another finder could begin here, `behind` that unit. */
  readonly isIdle: boolean;
  /** Before anything is taken: the text goes on behind a unit that was taken elsewhere. */
  behind(unit: number): void;
}

interface Node {
  next: Map<number, Node> | undefined;
  readonly depth: number;
  fail: Node | undefined;
  /** The nearest node along `fail`, this one included, where a word ends. */
  out: Node | undefined;
  isWord: boolean;
}

const node = (depth: number): Node => ({ next: undefined, depth, fail: undefined, out: undefined, isWord: false });

export interface WordAutomaton {
  readonly root: Node;
  readonly longest: number;
}

const space = 32;

/** A word's units; none where nothing is left of it. */
export function unitsOf(word: string): number[] {
  const units = foldText(word.trim()).map(u => (isSpaceUnit(u) ? space : u));
  return units.filter((u, i) => u !== space || (units[i - 1] !== space && i > 0 && i < units.length - 1));
}

export function automatonOf(words: readonly (readonly number[])[]): WordAutomaton {
  const root = node(0);
  let longest = 0;
  for (const units of words) {
    let at = root;
    for (const unit of units) {
      at.next ??= new Map();
      let next = at.next.get(unit);
      if (!next) {
        next = node(at.depth + 1);
        at.next.set(unit, next);
      }
      at = next;
    }
    if (at === root) continue;
    at.isWord = true;
    longest = Math.max(longest, at.depth);
  }
  const queue: Node[] = [...(root.next?.values() ?? [])];
  for (const child of queue) child.fail = root;
  for (const at of queue) {
    at.out = at.isWord ? at : at.fail?.out;
    for (const [unit, child] of at.next ?? []) {
      let fail = at.fail;
      while (fail && !fail.next?.has(unit)) fail = fail.fail;
      child.fail = fail?.next?.get(unit) ?? root;
      queue.push(child);
    }
  }
  return { root, longest };
}

/** Where words stand in units, also inside of longer ones. */
export function findAll({ root }: WordAutomaton, units: readonly number[]): (readonly [from: number, to: number])[] {
  const all: (readonly [number, number])[] = [];
  let at: Node = root;
  for (const [i, unit] of units.entries()) {
    let next = at.next?.get(unit);
    while (!next && at.fail) {
      at = at.fail;
      next = at.next?.get(unit);
    }
    at = next ?? root;
    for (let out = at.out; out; out = out.fail?.out) all.push([i + 1 - out.depth, i + 1]);
  }
  return all;
}

/** `wholeWords`: a finding that begins or ends with a letter or digit must not go on with one. */
export function wordFinder({ root, longest }: WordAutomaton, wholeWords: boolean): Finder {
  let at = root;
  let count = 0;
  let last: number | undefined;
  /** Of the newest units: where each begins, and whether a letter or digit stands before it and is it. */
  const size = longest + 1;
  const starts = new Float64Array(size);
  const flags = new Uint8Array(size);
  return {
    before: (next, end, found) => {
      if (at.out === undefined || last === undefined) return;
      const goesOn = wholeWords && next !== undefined && isWordUnit(last) && isWordUnit(next);
      if (goesOn) return;
      for (let out: Node | undefined = at.out; out; out = out.fail?.out) {
        const first = (count - out.depth) % size;
        if (wholeWords && flags[first] === 1) continue;
        found(starts[first]!, end);
      }
    },
    take: (given, _original, start) => {
      const unit = isSpaceUnit(given) ? space : given;
      if (unit === space && last === space) return;
      const isWord = isWordUnit(unit);
      starts[count % size] = start;
      flags[count % size] = isWord && last !== undefined && isWordUnit(last) ? 1 : 0;
      count++;
      last = unit;
      let next = at.next?.get(unit);
      while (!next && at.fail) {
        at = at.fail;
        next = at.next?.get(unit);
      }
      at = next ?? root;
    },
    get hold() {
      return at.depth === 0 ? undefined : starts[(count - at.depth) % size];
    },
    get isIdle() {
      return at === root;
    },
    behind: unit => {
      last = isSpaceUnit(unit) ? space : unit;
    },
  };
}
