/**
 * A grammar as nodes that read bytes. Repetition without bound is a cycle; a counted one is a frame on the stack with what it still needs and
 * still allows, so that a thousand characters cost one node and not a thousand; a rule is a call, and a call at a rule's end pushes nothing.
 * Nodes from which no text can be finished are cut, so whatever is begun can be ended. Left recursion is refused: it would read nothing
 * forever.
 */
import { automatonGraph, automatonOfExpression } from "./automaton.ts";
import { type ByteSequence, type CodePoints, utf8Sequences } from "./code-points.ts";
import type { Grammar, RegularExpression } from "./expression.ts";
import { constrainLimits } from "./limits.ts";
import { constraintRefusal } from "./refuse.ts";

type Node =
  | { readonly kind: "bytes"; readonly edges: readonly ByteEdge[] }
  | { readonly kind: "split"; readonly to: readonly number[] }
  | { readonly kind: "call"; readonly rule: number; readonly then: number }
  /** Runs `body` from `min` to `max` times, then `then`. The body is never empty. */
  | { readonly kind: "loop"; readonly body: number; readonly min: number; readonly max: number; readonly then: number }
  /** Keeps items apart; see `TrackExpression`. `rule` describes the items, of `enter` only. */
  | { readonly kind: "track"; readonly op: "enter" | "begin" | "end" | "more" | "leave"; readonly rule: number; readonly to: number }
  /** The end of a rule or of a loop's body. */
  | { readonly kind: "return" };

interface ByteEdge {
  readonly first: number;
  readonly last: number;
  readonly to: number;
}

export interface ConstraintMachine {
  readonly nodes: readonly Node[];
  readonly start: number;
  /** First node of each rule. */
  readonly rules: readonly number[];
  /** Bytes of one class are treated alike by every node. */
  readonly classOf: Uint8Array;
  readonly numClasses: number;
  /** Nodes from which an end can be reached. */
  readonly isAlive: Uint8Array;
}

/** Choices of so many options are built once for each place that they lead to. */
const sharedOptions = 16;
/** Copies of a counted body are written out up to so many. */
const writtenOut = 4;

/** Whether the empty text is in it, given which rules it is in. */
function isNullable(e: RegularExpression, rules: ReadonlyMap<string, boolean>): boolean {
  switch (e.kind) {
    case "characters":
      return false;
    case "text":
      return e.text === "";
    case "sequence":
      return e.parts.every(p => isNullable(p, rules));
    case "choice":
      return e.options.some(p => isNullable(p, rules));
    case "repeat":
      return e.min === 0 || isNullable(e.of, rules);
    case "rule":
      return rules.get(e.name) ?? false;
    case "graph": {
      const seen = new Set([0]);
      for (const state of seen) for (const { by, to } of e.edges[state]!) if (isNullable(by, rules)) seen.add(to);
      return [...seen].some(s => e.ends.has(s));
    }
    default:
      return true;
  }
}

/** Rules that an expression calls. */
function* callsOf(e: RegularExpression): Generator<string, void, undefined> {
  if (e.kind === "rule") yield e.name;
  else if (e.kind === "repeat") yield* callsOf(e.of);
  else if (e.kind === "sequence") for (const p of e.parts) yield* callsOf(p);
  else if (e.kind === "choice") for (const o of e.options) yield* callsOf(o);
  else if (e.kind === "graph") for (const out of e.edges) for (const { by } of out) yield* callsOf(by);
}

/** Which rules the empty text is in: each is looked at again when one that it calls turns out to be one. */
function nullableRules(rules: ReadonlyMap<string, RegularExpression>): ReadonlyMap<string, boolean> {
  const nullable = new Map<string, boolean>();
  for (const [name, e] of rules) if (isNullable(e, nullable)) nullable.set(name, true);
  if (nullable.size === 0) return nullable;
  const callers = new Map<string, Set<string>>();
  for (const [name, e] of rules)
    for (const called of callsOf(e)) {
      const known = callers.get(called);
      if (known) known.add(name);
      else callers.set(called, new Set([name]));
    }
  const open = [...rules.keys()];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (nullable.get(name) || !isNullable(rules.get(name)!, nullable)) continue;
    nullable.set(name, true);
    for (const caller of callers.get(name) ?? []) if (!nullable.get(caller)) open.push(caller);
  }
  return nullable;
}

const noTextHint = "Look for contradictions, and for recursion without an end.";
const emptyForms = new WeakSet<Error>();
/** Whether a grammar was refused because no text is in it. */
export const isEmptyForm = (error: unknown): boolean => error instanceof Error && emptyForms.has(error);

/** The machine of a grammar. Errors: text/constraint for left recursion, for what is too large, and where nothing can be said. */
export function compileGrammar({ root, rules, contradiction }: Grammar, place: string): ConstraintMachine {
  const nodes: Node[] = [];
  const names = [...rules.keys()];
  const indices = new Map(names.map((name, i) => [name, i]));
  const add = (node: Node): number => {
    if (nodes.length >= constrainLimits.nodes)
      throw constraintRefusal(
        place,
        `a form of at most ${constrainLimits.nodes} states`,
        "a larger one",
        "Make it smaller: fewer or lower counts.",
      );
    return nodes.push(node) - 1;
  };

  const nullable = nullableRules(rules);
  const end = add({ kind: "return" });
  const split = (to: readonly number[]): number => (to.length === 1 ? to[0]! : add({ kind: "split", to }));

  const choices = new Map<RegularExpression, Map<number, number>>();
  // what sets have in common after their first bytes is built once
  const shared = new Map<string, number>();
  const character = (set: CodePoints, then: number): number => {
    const build = (sequences: readonly ByteSequence[], at: number): number => {
      const key = `${then} ${sequences.map(s => s.slice(at).join(" ")).join()}`;
      const known = shared.get(key);
      if (known !== undefined) return known;
      const groups = new Map<string, ByteSequence[]>();
      for (const s of sequences) {
        const [first, last] = s[at]!;
        const name = `${s.length === at + 1} ${first} ${last}`;
        const group = groups.get(name);
        if (group) group.push(s);
        else groups.set(name, [s]);
      }
      const edges = [...groups.values()].map(group => {
        const [first, last] = group[0]![at]!;
        return { first, last, to: group[0]!.length === at + 1 ? then : build(group, at + 1) };
      });
      const node = add({ kind: "bytes", edges });
      shared.set(key, node);
      return node;
    };
    return build(utf8Sequences(set), 0);
  };

  const build = (e: RegularExpression, then: number): number => {
    switch (e.kind) {
      case "characters":
        return character(e.set, then);
      case "text": {
        let to = then;
        const bytes = Buffer.from(e.text);
        for (let i = bytes.length - 1; i >= 0; i--) to = add({ kind: "bytes", edges: [{ first: bytes[i]!, last: bytes[i]!, to }] });
        return to;
      }
      case "sequence":
        return e.parts.reduceRight((to, part) => build(part, to), then);
      case "choice": {
        if (e.options.length < sharedOptions) return split(e.options.map(o => build(o, then)));
        // large ones that are used in many places lead to the same nodes where they lead to the same place
        const known = choices.get(e)?.get(then);
        if (known !== undefined) return known;
        const made = split(e.options.map(o => build(o, then)));
        choices.set(e, (choices.get(e) ?? new Map<number, number>()).set(then, made));
        return made;
      }
      case "rule": {
        const index = indices.get(e.name);
        if (index === undefined) throw constraintRefusal(place, "rules that are defined", e.name);
        return add({ kind: "call", rule: index, then });
      }
      case "repeat":
        return buildRepeat(e, then);
      case "track":
        return add({ kind: "track", op: e.op, rule: e.op === "enter" ? indices.get(e.item)! : -1, to: then });
      case "graph": {
        // states may lead to each other in any order: each is a split that is filled when all are there
        const targets = e.edges.map(() => [] as number[]);
        const starts = targets.map(to => add({ kind: "split", to }));
        for (const [i, edges] of e.edges.entries()) {
          for (const { by, to } of edges) targets[i]!.push(build(by, starts[to]!));
          if (e.ends.has(i)) targets[i]!.push(then);
        }
        return starts[0]!;
      }
      default:
        throw constraintRefusal(place, "anchors at the ends of the expression", "one inside");
    }
  };

  const buildRepeat = ({ of, min, max }: RegularExpression & { kind: "repeat" }, then: number): number => {
    if (max === 0) return then;
    const canBeEmpty = isNullable(of, nullable);
    if (max === 1) return min === 1 ? build(of, then) : split([build(of, then), then]);
    // an empty turn of a repetition adds nothing, so turns that may be empty need no counting from below
    const least = canBeEmpty ? 0 : min;
    if (max === Number.POSITIVE_INFINITY && least <= writtenOut) {
      const to: number[] = [];
      const again = add({ kind: "split", to });
      to.push(build(of, again), then);
      let first = again;
      for (let i = 0; i < least; i++) first = build(of, first);
      return first;
    }
    const isSmall = of.kind === "characters" || (of.kind === "text" && of.text.length <= 2);
    if ((isSmall && max <= writtenOut * 4) || max <= 2) {
      let to = then;
      for (let i = max; i > 0; i--) to = i > least ? split([build(of, to), then]) : build(of, to);
      return to;
    }
    // counted turns that may be empty could be counted in many ways at once: their automaton has one state for all of these
    if (canBeEmpty) return build(automatonGraph(automatonOfExpression({ kind: "repeat", of, min, max }, place)), then);
    const loop = add({ kind: "loop", body: build(of, end), min: least, max, then });
    return least === 0 ? split([loop, then]) : loop;
  };

  const starts = names.map(name => build(rules.get(name)!, end));
  const rootIndex = indices.get(root);
  if (rootIndex === undefined)
    throw constraintRefusal(place, `a rule named ${root}`, names.length ? names.slice(0, 5).join(", ") : "no rules");
  const start = starts[rootIndex]!;
  // a rule that calls itself before it reads anything
  checkLeftRecursion(nodes, starts, names, new Set(names.flatMap((n, i) => (nullable.get(n) ? [i] : []))), place);
  const isAlive = aliveNodes(nodes, starts);
  if (!isAlive[start]) {
    const error = contradiction ?? constraintRefusal(place, "a form that some finite text has", "one that none has", noTextHint);
    emptyForms.add(error);
    throw error;
  }
  return { nodes, start, rules: starts, isAlive, ...byteClasses(nodes) };
}

/** Rules that are called from `start` on before a byte is read; `emptyRules` are those that can be passed so. */
function firstCalls(nodes: readonly Node[], start: number, emptyRules: ReadonlySet<number>): ReadonlySet<number> {
  const seen = new Set([start]);
  const calls = new Set<number>();
  for (const i of seen) {
    const node = nodes[i]!;
    if (node.kind === "split") for (const to of node.to) seen.add(to);
    else if (node.kind === "loop") seen.add(node.body);
    else if (node.kind === "track") seen.add(node.to);
    else if (node.kind === "call") {
      calls.add(node.rule);
      if (emptyRules.has(node.rule)) seen.add(node.then);
    }
  }
  return calls;
}

function checkLeftRecursion(
  nodes: readonly Node[],
  starts: readonly number[],
  names: readonly string[],
  emptyRules: ReadonlySet<number>,
  place: string,
): void {
  const calls = starts.map(start => firstCalls(nodes, start, emptyRules));
  // rules whose first calls all lead to checked rules are checked; what is left over goes in circles
  const callers = starts.map(() => [] as number[]);
  const open = calls.map(c => c.size);
  for (const [i, first] of calls.entries()) for (const r of first) callers[r]!.push(i);
  const checked = open.flatMap((n, i) => (n === 0 ? [i] : []));
  for (let i = 0; i < checked.length; i++) for (const caller of callers[checked[i]!]!) if (--open[caller]! === 0) checked.push(caller);
  const left = open.findIndex(n => n > 0);
  if (left >= 0 && checked.length < starts.length) {
    let at = left;
    for (let i = 0; i < starts.length; i++) at = [...calls[at]!].find(r => open[r]! > 0) ?? at;
    throw constraintRefusal(
      place,
      "rules that read something before they come back to themselves",
      names[at]!,
      "Write the recursion so that the rule's own name does not come first.",
    );
  }
}

/** Which nodes can reach the end of their rule. */
function aliveNodes(nodes: readonly Node[], starts: readonly number[]): Uint8Array {
  const alive = new Uint8Array(nodes.length);
  const before: number[][] = nodes.map(() => []);
  for (const [i, node] of nodes.entries()) {
    if (node.kind === "bytes") for (const { to } of node.edges) before[to]!.push(i);
    else if (node.kind === "split") for (const to of node.to) before[to]!.push(i);
    else if (node.kind === "track") before[node.to]!.push(i);
    else if (node.kind === "call") {
      before[node.then]!.push(i);
      before[starts[node.rule]!]!.push(i);
    } else if (node.kind === "loop") {
      before[node.then]!.push(i);
      before[node.body]!.push(i);
    }
  }
  const isNow = (node: Node): boolean => {
    switch (node.kind) {
      case "return":
        return true;
      case "bytes":
        return node.edges.some(e => alive[e.to]);
      case "split":
        return node.to.some(to => alive[to]);
      case "track":
        return alive[node.to] === 1;
      case "call":
        return alive[node.then] === 1 && alive[starts[node.rule]!] === 1;
      case "loop":
        return alive[node.then] === 1 && alive[node.body] === 1;
    }
  };
  const queue = nodes.flatMap((n, i) => (n.kind === "return" ? [i] : []));
  for (const i of queue) alive[i] = 1;
  for (let q = 0; q < queue.length; q++)
    for (const i of before[queue[q]!]!)
      if (!alive[i] && isNow(nodes[i]!)) {
        alive[i] = 1;
        queue.push(i);
      }
  return alive;
}

function byteClasses(nodes: readonly Node[]): { readonly classOf: Uint8Array; readonly numClasses: number } {
  const starts = new Uint8Array(257);
  for (const node of nodes)
    if (node.kind === "bytes")
      for (const { first, last } of node.edges) {
        starts[first] = 1;
        starts[last + 1] = 1;
      }
  const classOf = new Uint8Array(256);
  let current = 0;
  for (let b = 1; b < 256; b++) {
    current += starts[b]!;
    classOf[b] = current;
  }
  return { classOf, numClasses: current + 1 };
}
