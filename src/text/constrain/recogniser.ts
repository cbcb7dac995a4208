/**
 * Reads bytes through a machine: all the ways in which the text so far may be read, as a set of threads, each a node and a stack. Stacks share
 * their lower parts and are kept once each, and so are whole sets ("configurations"), with the configuration after each class of bytes; what
 * was read once is then a table look-up. It is an automaton made state by state as it is needed, with as many states as texts visit.
 * Ideas: subset construction made lazily (Thompson 1968), graph-structured stacks (Tomita 1985).
 */

import { constrainLimits } from "./limits.ts";
import type { ConstraintMachine } from "./machine.ts";
import { constraintRefusal } from "./refuse.ts";

/** What happens at the end of a rule or of a loop's body. */
interface Frame {
  readonly id: number;
  /** `bottom`: the end of the text. `unknown`: the end of what is looked at; below it anything may come. */
  readonly kind: "bottom" | "unknown" | "return" | "loop";
  /** Where a return goes on; the loop. */
  readonly node: number;
  /** Turns that a loop still needs and still allows, this one included. */
  readonly needed: number;
  readonly allowed: number;
  readonly below: Frame | undefined;
}

interface Thread {
  readonly node: number;
  readonly frame: Frame;
}

export interface Configuration {
  /** Those that read a byte next. */
  readonly threads: readonly Thread[];
  /** The text may end here. */
  readonly isAccepting: boolean;
  /** A thread has gone below what is looked at. */
  readonly hasLeft: boolean;
  /** After a byte of each class; null where none may come. */
  readonly next: (Configuration | null | undefined)[];
}

const bottom: Frame = { id: 0, kind: "bottom", node: 0, needed: 0, allowed: 0, below: undefined };
const unknown: Frame = { id: 1, kind: "unknown", node: 0, needed: 0, allowed: 0, below: undefined };

const hint = "Avoid counted repetitions inside each other.";

export class Recogniser {
  readonly machine: ConstraintMachine;
  readonly place: string;
  readonly start: Configuration;
  #frames = new Map<string, Frame>();
  #configurations = new Map<string, Configuration>();
  #nextFrame = 2;
  /** Positions that may still be looked at before the form counts as too ambiguous; the owner sets it anew for each piece of work. */
  work: number = constrainLimits.work;
  /** Some byte of each class, and how many it has. */
  readonly #byteOf: Uint8Array;
  readonly #sizeOf: Uint16Array;
  readonly #forced = new WeakMap<Configuration, Uint8Array>();

  constructor(machine: ConstraintMachine, place: string) {
    this.machine = machine;
    this.place = place;
    this.#byteOf = new Uint8Array(machine.numClasses);
    this.#sizeOf = new Uint16Array(machine.numClasses);
    for (let b = 255; b >= 0; b--) {
      const c = machine.classOf[b]!;
      this.#byteOf[c] = b;
      this.#sizeOf[c]!++;
    }
    this.start = this.#close([{ node: machine.start, frame: bottom }])!;
  }

  /** The configuration after one more byte; null where it may not come. Errors: text/constraint where too many readings are possible. */
  step(from: Configuration, byte: number): Configuration | null {
    const c = this.machine.classOf[byte]!;
    const known = from.next[c];
    if (known !== undefined) return known;
    const b = this.#byteOf[c]!;
    const to: Thread[] = [];
    for (const { node, frame } of from.threads) {
      const n = this.machine.nodes[node]!;
      if (n.kind !== "bytes") continue;
      for (const e of n.edges) if (e.first <= b && b <= e.last) to.push({ node: e.to, frame });
    }
    const next = to.length === 0 ? null : this.#close(to);
    from.next[c] = next;
    return next;
  }

  /** The configuration after many bytes. */
  read(from: Configuration, bytes: Uint8Array): Configuration | null {
    let at: Configuration | null = from;
    for (let i = 0; i < bytes.length && at; i++) at = this.step(at, bytes[i]!);
    return at;
  }

  /** The bytes that must come next, `longestForced` at most: for as long as the text may not end and only one byte can follow. */
  forced(from: Configuration): Uint8Array {
    const known = this.#forced.get(from);
    if (known) return known;
    const bytes: number[] = [];
    for (let at = from; bytes.length < constrainLimits.longestForced; ) {
      const only = this.#onlyByte(at);
      if (only === undefined) break;
      bytes.push(only);
      at = this.step(at, only)!;
    }
    const made = Uint8Array.from(bytes);
    this.#forced.set(from, made);
    return made;
  }

  #onlyByte(at: Configuration): number | undefined {
    if (at.isAccepting) return undefined;
    let only: number | undefined;
    for (let c = 0; c < this.#byteOf.length; c++) {
      if (!this.step(at, this.#byteOf[c]!)) continue;
      if (only !== undefined || this.#sizeOf[c] !== 1) return undefined;
      only = this.#byteOf[c]!;
    }
    return only;
  }

  /**
   * The same seen from above: stacks are cut below the innermost call, and counts beyond what `most` bytes can use up are taken as equal.
   * Configurations with the same view treat every token alike that does not leave the call.
   */
  view(of: Configuration, most: number): Configuration {
    return this.#keep(
      of.threads.map(({ node, frame }) => ({ node, frame: this.#cut(frame, most) })),
      of.isAccepting,
      // a thread that has already returned to the caller is one of the caller's now
      of.hasLeft,
    );
  }

  #cut(frame: Frame, most: number): Frame {
    if (frame.kind === "return") return unknown;
    if (frame.kind !== "loop") return frame;
    const clamp = (n: number): number => (n === Number.POSITIVE_INFINITY ? n : Math.min(n, most + 2));
    return this.#frame("loop", frame.node, clamp(frame.needed), clamp(frame.allowed), this.#cut(frame.below!, most));
  }

  #frame(kind: "return" | "loop", node: number, needed: number, allowed: number, below: Frame): Frame {
    const key = `${node} ${needed} ${allowed} ${below.id}`;
    const known = this.#frames.get(key);
    if (known) return known;
    const made: Frame = { id: this.#nextFrame++, kind, node, needed, allowed, below };
    this.#frames.set(key, made);
    return made;
  }

  /** Follows everything that reads nothing. */
  #close(from: readonly Thread[]): Configuration | null {
    const { nodes, rules, isAlive } = this.machine;
    const size = nodes.length;
    const seen = new Set<number>();
    const threads: Thread[] = [];
    const open: Thread[] = [];
    let isAccepting = false;
    let hasLeft = false;
    const go = (node: number, frame: Frame): void => {
      if (!isAlive[node]) return;
      const key = frame.id * size + node;
      if (seen.has(key)) return;
      if (seen.size >= constrainLimits.threads)
        throw constraintRefusal(
          this.place,
          `a form that can be read in at most ${constrainLimits.threads} ways at once`,
          "a more ambiguous one",
          hint,
        );
      if (--this.work < 0) throw constraintRefusal(this.place, "a form that is followed with moderate work", "a more ambiguous one", hint);
      seen.add(key);
      open.push({ node, frame });
    };
    for (const t of from) go(t.node, t.frame);
    for (let t = open.pop(); t; t = open.pop()) {
      const { frame } = t;
      const n = nodes[t.node]!;
      switch (n.kind) {
        case "bytes":
          threads.push(t);
          break;
        case "split":
          for (const to of n.to) go(to, frame);
          break;
        case "call":
          // a call at the end of a rule: the caller's caller is returned to
          go(rules[n.rule]!, nodes[n.then]!.kind === "return" ? frame : this.#frame("return", n.then, 0, 0, frame));
          break;
        case "loop":
          go(n.body, this.#frame("loop", t.node, n.min, n.max, frame));
          break;
        case "return":
          if (frame.kind === "bottom") isAccepting = true;
          else if (frame.kind === "unknown") hasLeft = true;
          else if (frame.kind === "return") go(frame.node, frame.below!);
          else {
            const loop = nodes[frame.node]!;
            if (loop.kind !== "loop") break;
            const needed = Math.max(0, frame.needed - 1);
            const allowed = frame.allowed - 1;
            if (allowed > 0) go(loop.body, this.#frame("loop", frame.node, needed, allowed, frame.below!));
            if (needed === 0) go(loop.then, frame.below!);
          }
          break;
      }
    }
    if (threads.length === 0 && !isAccepting && !hasLeft) return null;
    return this.#keep(threads, isAccepting, hasLeft);
  }

  #keep(threads: readonly Thread[], isAccepting: boolean, hasLeft: boolean): Configuration {
    const size = this.machine.nodes.length;
    const byKey = new Map(threads.map(t => [t.frame.id * size + t.node, t]));
    const keys = [...byKey.keys()].sort((a, b) => a - b);
    const key = `${isAccepting ? "a" : ""}${hasLeft ? "l" : ""}${keys.join(",")}`;
    const known = this.#configurations.get(key);
    if (known) return known;
    // those in use stay alive through their owners; the rest is made again when it is met again
    if (this.#configurations.size >= constrainLimits.keptConfigurations) {
      this.#configurations = new Map();
      this.#frames = new Map();
    }
    const made: Configuration = {
      threads: keys.map(k => byKey.get(k)!),
      isAccepting,
      hasLeft,
      next: new Array<Configuration | null | undefined>(this.machine.numClasses),
    };
    this.#configurations.set(key, made);
    return made;
  }
}
