/**
 * Passes over graphs that change cost and not meaning: composites expanded where the backend lacks them, local identities, folding of small
 * constants, common subexpressions joined, dead code dropped (by construction: only what outputs need is walked).
 * What `barrier` guards is never joined: its second input is part of its identity.
 */
import { canonicalJson, sha256 } from "../base/index.ts";
import { reachable, withInputs } from "./body.ts";
import { bytesOf, fromNumbers, isFloat } from "./dtype.ts";
import { evaluate } from "./evaluate.ts";
import { type CompositeKind, expansions } from "./expand.ts";
import * as f from "./functions.ts";
import type { Graph } from "./graph.ts";
import { type OpKind, ops } from "./ops.ts";
import { broadcastShapes, sameShape } from "./shape.ts";
import { constant, isKind, Tensor } from "./tensor.ts";

/** Rebuilds a graph bottom-up; `visit` sees a node over already rebuilt inputs and may give another in its place. */
export function rewrite(g: Graph, visit: (t: Tensor) => Tensor): Graph {
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

/** Expands composites that are not in `native`, also inside expansions. */
export function expandComposites(g: Graph, native: ReadonlySet<OpKind>): Graph {
  let current = g;
  const foreign = (t: Tensor): t is Tensor<CompositeKind> => t.kind in expansions && !native.has(t.kind);
  while (reachable(current.outputs).some(foreign))
    current = rewrite(current, t =>
      foreign(t) ? (expansions[t.kind] as (i: readonly Tensor[], a: unknown) => Tensor)(t.inputs, t.attributes) : t,
    );
  return current;
}

/** The number that a constant (or a broadcast of one) is everywhere; undefined where it is none. */
function uniformValue(t: Tensor): number | undefined {
  if (isKind(t, "broadcastTo") || isKind(t, "reshape")) return uniformValue(t.inputs[0]!);
  if (!isKind(t, "constant") || t.dtype === "f16" || t.dtype === "bf16") return undefined;
  const { data } = t.attributes;
  if (data.length === 0 || data.length > 4096) return undefined;
  const first = data[0]!;
  for (let i = 1; i < data.length; i++) if (data[i] !== first) return undefined;
  return Number(first);
}

const isZeros = (t: Tensor): boolean => uniformValue(t) === 0;

interface Scope {
  /** How many nodes read a node; a fused product must have one reader, else it would run twice. */
  readonly uses: ReadonlyMap<Tensor, number>;
}
type Rewrite = (t: Tensor, scope: Scope) => Tensor | undefined;

/** The other operand of a commutative operation, where one operand is the number `value`. */
const otherThan = (t: Tensor, value: number): Tensor | undefined => {
  const [a, b] = t.inputs as [Tensor, Tensor];
  if (uniformValue(b) === value && sameShape(a.shape, t.shape)) return a;
  if (uniformValue(a) === value && sameShape(b.shape, t.shape)) return b;
  return undefined;
};

/** Elementwise operations broadcast by themselves: drop a broadcast that does not change the result's shape. */
const dropBroadcasts: Rewrite = t => {
  if (!ops[t.kind].elementwise || t.inputs.length < 2) return undefined;
  for (const [i, x] of t.inputs.entries()) {
    if (!isKind(x, "broadcastTo")) continue;
    const inputs = t.inputs.with(i, x.inputs[0]!);
    if (sameShape(broadcastShapes(t.kind, ...inputs.map(y => y.shape)), t.shape)) return withInputs(t, inputs);
  }
  return undefined;
};

/** add(zeros with rows added, y) = y with rows added; the same for single elements. */
const addIntoZeros: Rewrite = t => {
  for (const [i, x] of t.inputs.entries()) {
    const y = t.inputs[1 - i]!;
    if (!sameShape(y.shape, t.shape) || !sameShape(x.shape, t.shape)) continue;
    if ((isKind(x, "scatterRows") && x.attributes.mode === "add") || isKind(x, "putAlong"))
      if (isZeros(x.inputs[0]!)) return withInputs(x, [y, x.inputs[1]!, x.inputs[2]!]);
  }
  return undefined;
};

/** A scalar factor on a product that nobody else reads becomes its alpha. */
const scaleIntoMatmul: Rewrite = (t, { uses }) => {
  for (const [i, x] of t.inputs.entries()) {
    const c = uniformValue(t.inputs[1 - i]!);
    if (c === undefined || !sameShape(x.shape, t.shape)) continue;
    if (isKind(x, "matmul") && (uses.get(x) ?? 0) <= 1)
      return new Tensor("matmul", x.inputs, { ...x.attributes, alpha: x.attributes.alpha * c });
  }
  return undefined;
};

/** (x c1) c2 = x (c1 c2) for scalars. */
const joinScales: Rewrite = t => {
  for (const [i, x] of t.inputs.entries()) {
    const c = uniformValue(t.inputs[1 - i]!);
    if (c === undefined || !isKind(x, "mul") || !isFloat(t.dtype) || !sameShape(x.shape, t.shape)) continue;
    for (const [j, y] of x.inputs.entries()) {
      const d = uniformValue(x.inputs[1 - j]!);
      if (d !== undefined && sameShape(y.shape, x.shape)) return f.mul(y, c * d);
    }
  }
  return undefined;
};

const first =
  (...rewrites: Rewrite[]): Rewrite =>
  (t, scope) => {
    for (const r of rewrites) {
      const found = r(t, scope);
      if (found) return found;
    }
    return undefined;
  };

const swapsLastTwo = (p: readonly number[]): boolean => {
  const n = p.length;
  return n >= 2 && p.every((a, i) => a === (i === n - 1 ? n - 2 : i === n - 2 ? n - 1 : i));
};

/** Local identities, a row an operation. Each gives an equal tensor (to rounding) of the same shape and dtype. */
const identities: { readonly [K in OpKind]?: Rewrite } = {
  identity: t => t.inputs[0],
  stopGradient: t => t.inputs[0],
  cast: t => (t.inputs[0]!.dtype === t.dtype ? t.inputs[0] : undefined),
  neg: t => (isKind(t.inputs[0]!, "neg") ? t.inputs[0]!.inputs[0] : undefined),
  add: first(
    dropBroadcasts,
    t => otherThan(t, 0),
    t => (isKind(t.inputs[1]!, "neg") ? f.sub(t.inputs[0]!, t.inputs[1]!.inputs[0]!) : undefined),
    addIntoZeros,
  ),
  sub: first(
    dropBroadcasts,
    t => (uniformValue(t.inputs[1]!) === 0 && sameShape(t.inputs[0]!.shape, t.shape) ? t.inputs[0] : undefined),
    t => (isKind(t.inputs[1]!, "neg") ? f.add(t.inputs[0]!, t.inputs[1]!.inputs[0]!) : undefined),
  ),
  mul: first(dropBroadcasts, t => otherThan(t, 1), scaleIntoMatmul, joinScales),
  div: first(
    dropBroadcasts,
    t => (uniformValue(t.inputs[1]!) === 1 && sameShape(t.inputs[0]!.shape, t.shape) ? t.inputs[0] : undefined),
    t => {
      const c = isFloat(t.dtype) ? uniformValue(t.inputs[1]!) : undefined;
      return c ? f.mul(t.inputs[0]!, constant(1 / c, t.dtype)) : undefined;
    },
  ),
  reshape: t => {
    const x = t.inputs[0]!;
    if (sameShape(x.shape, t.shape)) return x;
    return isKind(x, "reshape") ? f.reshape(x.inputs[0]!, t.shape) : undefined;
  },
  transpose: t => {
    const { permutation } = (t as Tensor<"transpose">).attributes;
    const x = t.inputs[0]!;
    if (permutation.every((p, i) => p === i)) return x;
    if (isKind(x, "transpose"))
      return f.transpose(
        x.inputs[0]!,
        permutation.map(p => x.attributes.permutation[p]!),
      );
    // only axes of size 1 move: nothing moves in memory
    const moving = permutation.filter(p => x.shape[p] !== 1);
    return moving.every((p, i) => i === 0 || p > moving[i - 1]!) ? f.reshape(x, t.shape) : undefined;
  },
  broadcastTo: t =>
    sameShape(t.inputs[0]!.shape, t.shape)
      ? t.inputs[0]
      : isKind(t.inputs[0]!, "broadcastTo")
        ? f.broadcastTo(t.inputs[0]!.inputs[0]!, t.shape)
        : undefined,
  slice: t => (sameShape(t.inputs[0]!.shape, t.shape) ? t.inputs[0] : undefined),
  pad: t => (sameShape(t.inputs[0]!.shape, t.shape) ? t.inputs[0] : undefined),
  concat: t => (t.inputs.length === 1 ? t.inputs[0] : undefined),
  sum: t => (t.inputs[0]!.size === t.size ? f.reshape(t.inputs[0]!, t.shape) : undefined),
  max: t => (t.inputs[0]!.size === t.size ? f.reshape(t.inputs[0]!, t.shape) : undefined),
  mean: t => (t.inputs[0]!.size === t.size ? f.reshape(t.inputs[0]!, t.shape) : undefined),
  matmul: t => {
    const { attributes, inputs } = t as Tensor<"matmul">;
    const [a, b] = inputs as [Tensor, Tensor];
    if (isKind(a, "transpose") && swapsLastTwo(a.attributes.permutation))
      return new Tensor("matmul", [a.inputs[0]!, b], { ...attributes, transposeA: !attributes.transposeA });
    if (isKind(b, "transpose") && swapsLastTwo(b.attributes.permutation))
      return new Tensor("matmul", [a, b.inputs[0]!], { ...attributes, transposeB: !attributes.transposeB });
    return undefined;
  },
};

/** Constants are folded up to this size; larger results cost more to carry than to compute. */
const foldedBytes = 64 * 1024;
const unfoldable: ReadonlySet<OpKind> = new Set<OpKind>(["input", "constant", "randomUniform", "call", "barrier"]);

function fold(t: Tensor): Tensor {
  if (unfoldable.has(t.kind) || t.inputs.length === 0 || !t.inputs.every(x => isKind(x, "constant"))) return t;
  const size = bytesOf(t.shape, t.dtype);
  const from = t.inputs.reduce((s, x) => s + bytesOf(x.shape, x.dtype), 0);
  // a broadcast that makes memory out of nothing stays an instruction
  if (size > foldedBytes || (isKind(t, "broadcastTo") && size > 4 * from + 256) || from > 16 * foldedBytes) return t;
  return constant(fromNumbers(evaluate([t], new Map())[0]!, t.dtype), t.dtype, t.shape);
}

function keyOf(t: Tensor, numbers: ReadonlyMap<Tensor, number>): string {
  if (isKind(t, "constant")) {
    const { data } = t.attributes;
    return `constant ${t.dtype} ${t.shape} ${sha256(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))}`;
  }
  return `${t.kind} ${t.inputs.map(x => numbers.get(x)).join(",")} ${canonicalJson(t.attributes)}`;
}

/** Joins equal nodes. */
export function joinCommon(g: Graph): Graph {
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
function pass(g: Graph): Graph {
  const uses = new Map<Tensor, number>();
  const count = (t: Tensor) => uses.set(t, (uses.get(t) ?? 0) + 1);
  for (const t of reachable(g.outputs)) t.inputs.forEach(count);
  g.outputs.forEach(count);
  // readers are counted on the old nodes; a rebuilt node inherits the count of the one it replaces
  const rebuilt = new Map<Tensor, Tensor>();
  const scope: Scope = { uses: { get: (t: Tensor) => uses.get(rebuilt.get(t) ?? t) } as ReadonlyMap<Tensor, number> };
  const made = new Map<Tensor, Tensor>();
  for (const t of reachable(g.outputs)) {
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

/** All passes, until nothing changes. `native`: composites that the backend has itself. */
export function simplify(g: Graph, native: ReadonlySet<OpKind> = new Set()): Graph {
  let current = joinCommon(expandComposites(g, native));
  // each round only removes or joins nodes; a handful suffices, the bound guards against two rules undoing each other
  for (let round = 0, size = Number.POSITIVE_INFINITY; round < 8; round++) {
    const next = joinCommon(pass(current));
    const now = reachable(next.outputs).length;
    current = next;
    if (now === size && round > 1) break;
    size = now;
  }
  return current;
}
