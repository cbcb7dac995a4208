/**
 * Patterns as one machine of states that follows all ways through all of them at once (Thompson, 1968): a character costs at most the number of
 * states, whatever stands in the text. Each way knows where it began, so that what may still become a finding can be held back.
 */
import { isWordUnit } from "../normalise/index.ts";
import { type Assertion, PatternError, type PatternTree } from "./pattern-parse.ts";
import type { Finder } from "./words.ts";

type Test = (unit: number, original: number) => boolean;

type State =
  | { readonly kind: "take"; readonly test: Test; readonly to: number }
  | { readonly kind: "split"; readonly to: readonly number[] }
  | { readonly kind: "assert"; readonly what: Assertion; readonly to: number }
  | { readonly kind: "found" };

interface PatternMachine {
  readonly states: readonly State[];
  readonly start: number;
}

/** States of all patterns together: what one character can cost. */
const mostStates = 5_000;
/** Code units of a text that one finding may have; longer ones are not found, so that what is held back is bounded. */
export const longestMatch = 1_000;

/** A class asked of one character; the answers for ASCII are kept. */
function testOf(source: string, isNegated: boolean): Test {
  const form = new RegExp(`^(?:${source})$`, "iu");
  const of = (c: number): boolean => form.test(String.fromCodePoint(c));
  const ascii = Uint8Array.from({ length: 128 }, (_, c) => (of(c) ? 1 : 0));
  const one = (c: number): boolean => (c < 128 ? ascii[c] === 1 : of(c));
  // what a class leaves out is left out in every form
  return isNegated ? unit => one(unit) : (unit, original) => one(unit) || (original !== unit && one(original));
}

/** Errors: PatternError. */
export function machineOf(trees: readonly PatternTree[]): PatternMachine {
  const states: State[] = [];
  const add = (state: State): number => {
    if (states.length >= mostStates)
      throw new PatternError(`more than ${mostStates} states with those before it; write shorter repetitions`);
    return states.push(state) - 1;
  };
  /** States for a tree that go on at `to`; gives where they begin. */
  const build = (tree: PatternTree, to: number): number => {
    switch (tree.kind) {
      case "unit":
        return add({ kind: "take", test: unit => unit === tree.unit, to });
      case "class":
        return add({ kind: "take", test: testOf(tree.source, tree.isNegated), to });
      case "assertion":
        return add({ kind: "assert", what: tree.what, to });
      case "all":
        return tree.parts.reduceRight((next, part) => build(part, next), to);
      case "either":
        return add({ kind: "split", to: tree.parts.map(part => build(part, to)) });
      case "repeat": {
        const { part, least, most } = tree;
        let next = to;
        if (most === Number.POSITIVE_INFINITY) {
          const ways: number[] = [];
          const loop = add({ kind: "split", to: ways });
          ways.push(build(part, loop), to);
          next = loop;
        } else for (let i = least; i < most; i++) next = add({ kind: "split", to: [build(part, next), to] });
        for (let i = 0; i < least; i++) next = build(part, next);
        return next;
      }
    }
  };
  const found = add({ kind: "found" });
  const starts = trees.map(tree => build(tree, found));
  return { states, start: add({ kind: "split", to: starts }) };
}

/** Whether a machine finds something in nothing, as `a*` does everywhere. */
export function findsNothing({ states, start }: PatternMachine): boolean {
  const seen = new Set<number>();
  const queue = [start];
  for (const at of queue) {
    if (seen.has(at)) continue;
    seen.add(at);
    const state = states[at]!;
    if (state.kind === "found") return true;
    if (state.kind === "split") queue.push(...state.to);
    else if (state.kind === "assert") queue.push(state.to);
  }
  return false;
}

/** What a finding can begin with. */
function firstTests({ states, start }: PatternMachine): Test[] {
  const seen = new Set<number>();
  const queue = [start];
  const tests: Test[] = [];
  for (const at of queue) {
    if (seen.has(at)) continue;
    seen.add(at);
    const state = states[at]!;
    if (state.kind === "take") tests.push(state.test);
    else if (state.kind === "split") queue.push(...state.to);
    else if (state.kind === "assert") queue.push(state.to);
  }
  return tests;
}

/** Ways of one pass: states in the order that they were reached, and for each the beginning of its way. */
class Ways {
  readonly #list: Int32Array;
  #count = 0;
  readonly begin: Float64Array;
  readonly #mark: Uint32Array;
  #round = 1;

  constructor(size: number) {
    this.begin = new Float64Array(size);
    this.#mark = new Uint32Array(size);
    this.#list = new Int32Array(size);
  }
  get count(): number {
    return this.#count;
  }
  at(i: number): number {
    return this.#list[i]!;
  }
  /** By where they began. */
  ordered(isLastFirst: boolean): readonly number[] {
    const order: number[] = [];
    for (let i = 0; i < this.#count; i++) order.push(this.#list[i]!);
    if (order.length < 2) return order;
    order.sort((a, b) => this.begin[a]! - this.begin[b]!);
    return isLastFirst ? order.reverse() : order;
  }
  clear(): void {
    this.#count = 0;
    this.#round++;
  }
  has(state: number): boolean {
    return this.#mark[state] === this.#round;
  }
  add(state: number, begin: number): void {
    this.#mark[state] = this.#round;
    this.begin[state] = begin;
    this.#list[this.#count++] = state;
  }
}

export const patternFinder = (machine: PatternMachine): Finder => new PatternFinder(machine);

class PatternFinder implements Finder {
  readonly #states: PatternMachine["states"];
  readonly #start: number;
  /**
   * Two sets of ways side by side: of those that meet in a state the one that began first, for the whole of a finding, and the one that began last,
   * which goes on where the first has become too long.
   */
  readonly #sets: readonly { kernel: Ways; readonly closed: Ways; next: Ways }[];
  readonly #firsts: ReturnType<typeof firstTests>;
  readonly #asciiStart: Uint8Array;
  readonly #open: number[] = [];
  #last: number | undefined;
  #position = 0;
  /** No way is under way: most of a text costs one look in a table. */
  #isIdle = true;

  constructor(machine: PatternMachine) {
    const { states, start } = machine;
    const size = states.length;
    this.#states = states;
    this.#start = start;
    this.#sets = [0, 1].map(() => ({ kernel: new Ways(size), closed: new Ways(size), next: new Ways(size) }));
    this.#firsts = firstTests(machine);
    this.#asciiStart = Uint8Array.from({ length: 128 }, (_, c) => (this.#canStart(c, c) ? 1 : 0));
  }

  get hold(): number | undefined {
    let least: number | undefined;
    for (const { kernel } of this.#sets)
      for (let i = 0; i < kernel.count; i++) {
        const begin = kernel.begin[kernel.at(i)]!;
        if (least === undefined || begin < least) least = begin;
      }
    return least;
  }

  get isIdle(): boolean {
    return this.#sets.every(({ kernel }) => kernel.count === 0);
  }

  behind(unit: number): void {
    this.#last = unit;
  }

  before(next: number | undefined, end: number, found: (start: number, end: number) => void): void {
    const sets = this.#sets;
    this.#position = end;
    this.#isIdle = sets[0]!.kernel.count === 0 && sets[1]!.kernel.count === 0;
    if (this.#isIdle) return;
    for (let which = 0; which < 2; which++) {
      const { kernel, closed } = sets[which]!;
      closed.clear();
      const order = kernel.ordered(which === 1);
      // a way that begins here is the last of all
      if (which === 1) this.#close(closed, this.#start, end, next);
      for (const at of order) this.#close(closed, at, kernel.begin[at]!, next);
      if (which === 0) this.#close(closed, this.#start, end, next);
      if (closed.has(0) && closed.begin[0]! < end) found(closed.begin[0]!, end);
    }
  }

  take(unit: number, original: number, begins: number): void {
    if (this.#isIdle && !(unit < 128 && original === unit ? this.#asciiStart[unit] === 1 : this.#canStart(unit, original))) {
      this.#last = unit;
      return;
    }
    for (const set of this.#sets) this.#advance(set, unit, original, begins);
    const [first, latest] = [this.#sets[0]!.kernel, this.#sets[1]!.kernel];
    for (let i = 0; i < latest.count; i++) {
      const at = latest.at(i);
      if (!first.has(at)) first.add(at, latest.begin[at]!);
    }
    this.#last = unit;
  }

  #advance(set: { kernel: Ways; readonly closed: Ways; next: Ways }, unit: number, original: number, begins: number): void {
    const { closed, next } = set;
    if (this.#isIdle) {
      closed.clear();
      this.#close(closed, this.#start, this.#position, unit);
    }
    next.clear();
    for (let i = 0; i < closed.count; i++) {
      const at = closed.at(i);
      const state = this.#states[at]!;
      if (state.kind !== "take" || !state.test(unit, original) || next.has(state.to)) continue;
      // a way that has not taken anything begins with this unit
      const begin = closed.begin[at]! === this.#position ? begins : closed.begin[at]!;
      if (begins - begin < longestMatch) next.add(state.to, begin);
    }
    set.next = set.kernel;
    set.kernel = next;
  }

  #canStart(unit: number, original: number): boolean {
    return this.#firsts.some(test => test(unit, original));
  }

  #holds(what: Assertion, next: number | undefined): boolean {
    const last = this.#last;
    if (what === "start") return last === undefined;
    if (what === "end") return next === undefined;
    const isBoundary = (last !== undefined && isWordUnit(last)) !== (next !== undefined && isWordUnit(next));
    return (what === "boundary") === isBoundary;
  }

  #close(ways: Ways, from: number, begin: number, next: number | undefined): void {
    const open = this.#open;
    open.push(from);
    while (open.length > 0) {
      const at = open.pop()!;
      if (ways.has(at)) continue;
      ways.add(at, begin);
      const state = this.#states[at]!;
      if (state.kind === "split") for (const to of state.to) open.push(to);
      else if (state.kind === "assert" && this.#holds(state.what, next)) open.push(state.to);
    }
  }
}
