/**
 * Reads bytes through a machine: all the ways in which the text so far may be read, as a set of threads, each a node and a stack. Stacks share
 * their lower parts and are kept once each, and so are whole sets ("configurations"), with the configuration after each class of bytes; what
 * was read once is then a table look-up. It is an automaton made state by state as it is needed, with as many states as texts visit.
 * Ideas: subset construction made lazily (Thompson 1968), graph-structured stacks (Tomita 1985).
 */

import { constrainLimits } from "./limits.ts";
import type { ConstraintMachine } from "./machine.ts";
import { constraintRefusal } from "./refuse.ts";
import { hasSeen, isDead, nothingSeen, type Seen } from "./seen.ts";

/** What happens at the end of a rule or of a loop's body. */
interface Frame {
  readonly id: number;
  /** `bottom`: the end of the text. `unknown`: the end of what is looked at; below it anything may come. `track`: a list of distinct items. */
  readonly kind: "bottom" | "unknown" | "return" | "loop" | "track";
  /** Where a return goes on; the loop; the rule of a list's items. */
  readonly node: number;
  /** Turns that a loop still needs and still allows, this one included. */
  readonly needed: number;
  readonly allowed: number;
  readonly below: Frame | undefined;
  /** Items of a list so far, and the bytes of the one under way; undefined between items. */
  readonly seen: Seen;
  readonly text: string | undefined;
  /** An item of this list, or of one below, is under way: the bytes that are read matter to it. */
  readonly isTracking: boolean;
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
  /** Bytes of one class are not alike here, for an item is under way that must differ from others: `next` stays empty. */
  readonly isTracking: boolean;
  /** After a byte of each class; null where none may come. */
  readonly next: (Configuration | null | undefined)[];
}

const noItems = { seen: nothingSeen, text: undefined, isTracking: false } as const;
const bottom: Frame = { id: 0, kind: "bottom", node: 0, needed: 0, allowed: 0, below: undefined, ...noItems };
const unknown: Frame = { id: 1, kind: "unknown", node: 0, needed: 0, allowed: 0, below: undefined, ...noItems };

const hint = "Avoid counted repetitions inside each other.";

export class Recogniser {
  readonly machine: ConstraintMachine;
  readonly place: string;
  /** Pointers of keywords that the machine does not hold texts to. */
  readonly relaxed: readonly string[];
  readonly start: Configuration;
  #frames = new Map<string, Frame>();
  #configurations = new Map<string, Configuration>();
  #nextFrame = 2;
  #nextSeen = 1;
  /** Whether items are kept apart anywhere. */
  readonly #hasLists: boolean;
  readonly #seen = new WeakMap<Seen, Map<string, Seen>>();
  readonly #trackedNext = new WeakMap<Configuration, Map<number, Configuration | null>>();
  /** Positions that may still be looked at before the form counts as too ambiguous; the owner sets it anew for each piece of work. */
  work: number = constrainLimits.work;
  /** Some byte of each class, and how many it has. */
  readonly #byteOf: Uint8Array;
  readonly #sizeOf: Uint16Array;
  readonly #forced = new WeakMap<Configuration, Uint8Array>();

  constructor(machine: ConstraintMachine, place: string, relaxed: readonly string[] = []) {
    this.machine = machine;
    this.#hasLists = machine.nodes.some(n => n.kind === "track");
    this.place = place;
    this.relaxed = relaxed;
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
    if (from.isTracking) return this.#stepTracking(from, byte);
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

  #stepTracking(from: Configuration, byte: number): Configuration | null {
    const kept = this.#trackedNext.get(from) ?? new Map<number, Configuration | null>();
    this.#trackedNext.set(from, kept);
    const known = kept.get(byte);
    if (known !== undefined) return known;
    const to: Thread[] = [];
    const added = String.fromCharCode(byte);
    for (const { node, frame } of from.threads) {
      const n = this.machine.nodes[node]!;
      if (n.kind !== "bytes" || !n.edges.some(e => e.first <= byte && byte <= e.last)) continue;
      const after = this.#withByte(frame, added);
      if (after) for (const e of n.edges) if (e.first <= byte && byte <= e.last) to.push({ node: e.to, frame: after });
    }
    const next = to.length === 0 ? null : this.#close(to);
    kept.set(byte, next);
    return next;
  }

  /** The stack with a byte added to the items under way; undefined where one of them could only become an item that was seen. */
  #withByte(frame: Frame, added: string): Frame | undefined {
    if (!frame.isTracking) return frame;
    const below = this.#withByte(frame.below!, added);
    if (!below) return undefined;
    if (frame.kind !== "track" || frame.text === undefined) return this.#withBelow(frame, below);
    const text = frame.text + added;
    return isDead(frame.seen, text) ? undefined : this.#trackFrame(frame.node, frame.seen, text, below);
  }

  #withBelow(frame: Frame, below: Frame): Frame {
    if (frame.kind === "track") return this.#trackFrame(frame.node, frame.seen, frame.text, below);
    return this.#frame(frame.kind === "loop" ? "loop" : "return", frame.node, frame.needed, frame.allowed, below);
  }

  /** The rest of texts that would become an item of a list that was seen: no token may lead through one of them in that reading. */
  deadEnds(at: Configuration): readonly string[] {
    const out = new Set<string>();
    for (const { frame } of at.threads)
      for (let f: Frame | undefined = frame; f?.isTracking; f = f.below)
        if (f.kind === "track" && f.text !== undefined)
          for (let s: Seen | undefined = f.seen; s; s = s.before)
            if (s.dead !== undefined && s.dead.length > f.text.length && s.dead.startsWith(f.text)) out.add(s.dead.slice(f.text.length));
    return [...out];
  }

  /** Innermost list of a stack; undefined where it lies below what is looked at. */
  #innermost(frame: Frame): Frame | undefined {
    let at: Frame | undefined = frame;
    while (at && at.kind !== "track") at = at.below;
    return at;
  }
  #withInnermost(frame: Frame, seen: Seen, text: string | undefined): Frame {
    if (frame.kind === "track") return this.#trackFrame(frame.node, seen, text, frame.below!);
    return this.#withBelow(frame, this.#withInnermost(frame.below!, seen, text));
  }

  /** The stack after a mark of a list of distinct items; undefined where the reading ends there, "left" where the list is out of sight. */
  #marked(op: "begin" | "end" | "more" | "leave", frame: Frame): Frame | "left" | undefined {
    if (op === "leave") return frame.kind === "track" ? frame.below! : "left";
    const list = this.#innermost(frame);
    if (!list) return "left";
    const { seen, text } = list;
    if (op === "more") return isDead(seen, "") ? undefined : frame;
    if (op === "begin") return this.#withInnermost(frame, seen, "");
    if (text === undefined || hasSeen(seen, text)) return undefined;
    return this.#withInnermost(frame, this.#added(seen, text, list.node), undefined);
  }

  /** One more item of a list, and the shortest of its beginnings that can only go on to items that were seen. */
  #added(before: Seen, text: string, rule: number): Seen {
    const siblings = this.#seen.get(before) ?? new Map<string, Seen>();
    this.#seen.set(before, siblings);
    const key = `${rule} ${text}`;
    const known = siblings.get(key);
    if (known) return known;
    const made: Seen = { id: this.#nextSeen++, before, text, dead: undefined };
    siblings.set(key, made);
    let at: Configuration | null = this.#close([{ node: this.machine.rules[rule]!, frame: bottom }]);
    const path: Configuration[] = [];
    for (let i = 0; at; at = i < text.length ? this.step(at, text.charCodeAt(i++)) : null) path.push(at);
    for (let n = path.length - 1; n >= 0; n--) {
      const beginning = text.slice(0, n);
      if (path[n]!.isAccepting && !hasSeen(made, beginning)) break;
      if (this.#hasWay(path[n]!, byte => !isDead(made, beginning + String.fromCharCode(byte)))) break;
      made.dead = beginning;
    }
    return made;
  }

  /** Whether a byte that may come is as wanted. */
  #hasWay(at: Configuration, isWanted: (byte: number) => boolean): boolean {
    for (let byte = 0; byte < 256; byte++) if (isWanted(byte) && this.step(at, byte)) return true;
    return false;
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
    if (at.isTracking) {
      for (let byte = 0; byte < 256; byte++) {
        if (!this.step(at, byte)) continue;
        if (only !== undefined) return undefined;
        only = byte;
      }
      return only;
    }
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
    if (frame.kind === "track") return this.#trackFrame(frame.node, frame.seen, frame.text, this.#cut(frame.below!, most));
    if (frame.kind !== "loop") return frame;
    const clamp = (n: number): number => (n === Number.POSITIVE_INFINITY ? n : Math.min(n, most + 2));
    return this.#frame("loop", frame.node, clamp(frame.needed), clamp(frame.allowed), this.#cut(frame.below!, most));
  }

  #frame(kind: "return" | "loop", node: number, needed: number, allowed: number, below: Frame): Frame {
    const key = `${node} ${needed} ${allowed} ${below.id}`;
    const known = this.#frames.get(key);
    if (known) return known;
    const { isTracking } = below;
    const made: Frame = { id: this.#nextFrame++, kind, node, needed, allowed, below, seen: nothingSeen, text: undefined, isTracking };
    this.#frames.set(key, made);
    return made;
  }

  #trackFrame(rule: number, seen: Seen, text: string | undefined, below: Frame): Frame {
    const key = `track ${rule} ${seen.id} ${below.id} ${text === undefined ? "" : `"${text}`}`;
    const known = this.#frames.get(key);
    if (known) return known;
    const isTracking = text !== undefined || below.isTracking;
    const made: Frame = { id: this.#nextFrame++, kind: "track", node: rule, needed: 0, allowed: 0, below, seen, text, isTracking };
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
        case "track": {
          const after = n.op === "enter" ? this.#trackFrame(n.rule, nothingSeen, undefined, frame) : this.#marked(n.op, frame);
          if (after === "left") hasLeft = true;
          else if (after) go(n.to, after);
          break;
        }
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
      isTracking: this.#hasLists && threads.some(t => t.frame.isTracking),
      next: new Array<Configuration | null | undefined>(this.machine.numClasses),
    };
    this.#configurations.set(key, made);
    return made;
  }
}
