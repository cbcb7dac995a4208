/**
 * Passes over graphs that change cost and not meaning: composites expanded where the backend lacks them, local identities, folding of small
 * constants, common subexpressions joined, dead code dropped (by construction: only what outputs need is walked).
 * What `barrier` guards is never joined: its second input is part of its identity.
 */
import { canonicalJson, sha256 } from "../base/index.ts";
import { reachable, withInputs } from "./body.ts";
import { bytesOf, fromNumbers, toNumbers } from "./dtype.ts";
import { evaluate } from "./evaluate.ts";
import { type CompositeKind, expansions } from "./expand.ts";
import type { Graph } from "./graph.ts";
import { identities, type Scope } from "./identities.ts";
import type { OpKind } from "./ops.ts";
import { constant, isKind, type Tensor } from "./tensor.ts";

/** Rebuilds a graph bottom-up; `visit` sees a node over already rebuilt inputs and may give another in its place. */
function rewrite(g: Graph, visit: (t: Tensor) => Tensor): Graph {
  const made = new Map<Tensor, Tensor>();
  for (const t of reachable(g.outputs)) {
    made.set(
      t,
      isKind(t, "input")
        ? t
        : visit(
            withInputs(
              t,
              t.inputs.map(x => made.get(x)!),
            ),
          ),
    );
  }
  return { inputs: g.inputs, outputs: g.outputs.map(o => made.get(o)!) };
}

/** Does an operation from outside the table stay one node? Where it has a lowering for such a backend, or nothing else. */
const staysCustom = (t: Tensor<"custom">, native: ReadonlySet<OpKind>): boolean =>
  !t.attributes.operation.expand || (native.has("custom") && t.attributes.operation.lower !== undefined);

/** Does the backend run this node, of a kind that is native? */
type Takes = (t: Tensor) => boolean;
const takesAll: Takes = () => true;

/** Expands composites that are not in `native`, also inside expansions. */
function expandComposites(g: Graph, native: ReadonlySet<OpKind>, takes: Takes): Graph {
  let current = g;
  const foreign = (t: Tensor): t is Tensor<CompositeKind> =>
    t.kind in expansions && !(isKind(t, "custom") ? staysCustom(t, native) : native.has(t.kind) && takes(t));
  while (reachable(current.outputs).some(foreign))
    current = rewrite(current, t =>
      foreign(t) ? (expansions[t.kind] as (i: readonly Tensor[], a: unknown) => Tensor)(t.inputs, t.attributes) : t,
    );
  return current;
}

/** Constants are folded up to this size; larger results cost more to carry than to compute. */
const foldedBytes = 64 * 1024;
const unfoldable: ReadonlySet<OpKind> = new Set<OpKind>([
  "input",
  "constant",
  "randomUniform",
  "call",
  "barrier",
  "allReduce",
  "allGather",
  "reduceScatter",
]);

const isExact = (values: Float64Array): boolean => values.every(x => Math.abs(x) <= Number.MAX_SAFE_INTEGER);
const constantNumbers = (t: Tensor): Float64Array => (isKind(t, "constant") ? toNumbers(t.attributes.data, t.dtype) : new Float64Array(0));

function fold(t: Tensor): Tensor {
  if (unfoldable.has(t.kind) || t.inputs.length === 0 || !t.inputs.every(x => isKind(x, "constant"))) return t;
  const size = bytesOf(t.shape, t.dtype);
  const from = t.inputs.reduce((s, x) => s + bytesOf(x.shape, x.dtype), 0);
  // a broadcast that makes memory out of nothing stays an instruction
  if (size > foldedBytes || (isKind(t, "broadcastTo") && size > 4 * from + 256) || from > 16 * foldedBytes) return t;
  const value = evaluate([t], new Map())[0]!;
  // the evaluator computes in doubles: 64-bit integers beyond their whole numbers are left to the device
  if ([t, ...t.inputs].some(x => x.dtype === "i64" && !isExact(x === t ? value : constantNumbers(x)))) return t;
  return constant(fromNumbers(value, t.dtype), t.dtype, t.shape);
}

function keyOf(t: Tensor, numbers: ReadonlyMap<Tensor, number>): string {
  if (isKind(t, "constant")) {
    const { data } = t.attributes;
    return `constant ${t.dtype} ${t.shape} ${sha256(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))}`;
  }
  if (isKind(t, "custom")) {
    const { id, options } = t.attributes.operation;
    return `custom ${id} ${t.inputs.map(x => numbers.get(x)).join(",")} ${canonicalJson(options)}`;
  }
  return `${t.kind} ${t.inputs.map(x => numbers.get(x)).join(",")} ${canonicalJson(t.attributes)}`;
}

/** Joins equal nodes. */
function joinCommon(g: Graph): Graph {
  const byKey = new Map<string, Tensor>();
  const numbers = new Map<Tensor, number>(g.inputs.map((t, i) => [t, i]));
  return rewrite(g, t => {
    if (isKind(t, "call")) {
      if (!numbers.has(t)) numbers.set(t, numbers.size);
      return t;
    }
    const key = keyOf(t, numbers);
    const known = byKey.get(key);
    if (known) return known;
    byKey.set(key, t);
    numbers.set(t, numbers.size);
    return t;
  });
}

/** One pass of identities and folding. */
function pass(g: Graph, native: ReadonlySet<OpKind>): Graph {
  const uses = new Map<Tensor, number>();
  const count = (t: Tensor) => uses.set(t, (uses.get(t) ?? 0) + 1);
  const nodes = reachable(g.outputs);
  for (const t of nodes) t.inputs.forEach(count);
  g.outputs.forEach(count);
  // readers are counted on the old nodes; a rebuilt node inherits the count of the one it replaces
  const rebuilt = new Map<Tensor, Tensor>();
  const scope: Scope = { native, uses: { get: (t: Tensor) => uses.get(rebuilt.get(t) ?? t) } as ReadonlyMap<Tensor, number> };
  const made = new Map<Tensor, Tensor>();
  for (const t of nodes) {
    if (isKind(t, "input")) {
      made.set(t, t);
      continue;
    }
    let node = withInputs(
      t,
      t.inputs.map(x => made.get(x)!),
    );
    for (let next = identities[node.kind]?.(node, scope); next; next = identities[node.kind]?.(node, scope)) {
      node = next;
      if (isKind(node, "input") || isKind(node, "constant")) break;
    }
    node = fold(node);
    // many readers through an identity are many readers of what it stands for
    if (!uses.has(node)) rebuilt.set(node, t);
    else if (node !== t) uses.set(node, (uses.get(node) ?? 0) + (uses.get(t) ?? 0));
    made.set(t, node);
  }
  return { inputs: g.inputs, outputs: g.outputs.map(o => made.get(o)!) };
}

/** All passes, until nothing changes; yields between two of them. `native`: composites that the backend has itself, those that it `takes`. */
export function* simplifying(
  g: Graph,
  native: ReadonlySet<OpKind> = new Set(),
  takes: Takes = takesAll,
): Generator<undefined, Graph, undefined> {
  const expanded = expandComposites(g, native, takes);
  yield;
  let current = joinCommon(expanded);
  // each round only removes or joins nodes; a handful suffices, the bound guards against two rules undoing each other
  for (let round = 0, size = Number.POSITIVE_INFINITY; round < 12; round++) {
    yield;
    const passed = pass(current, native);
    yield;
    const next = joinCommon(passed);
    const now = reachable(next.outputs).length;
    current = next;
    if (now === size && round > 1) break;
    size = now;
  }
  return current;
}

/** As `simplifying`, at once. */
export function simplify(g: Graph, native: ReadonlySet<OpKind> = new Set()): Graph {
  const passes = simplifying(g, native);
  for (;;) {
    const step = passes.next();
    if (step.done) return step.value;
  }
}
