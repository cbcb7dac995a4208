/**
 * From values made of parameters alone (a transposed table, a cut of positions, a product of low-rank factors) back to the parameters: an example's
 * gradient stays a sum of outer products where the operation allows it, and is written out where it does not.
 */
import * as f from "../functions.ts";
import type { GradientRule, Vjp } from "../gradient.ts";
import { gradient } from "../gradient.ts";
import type { OpKind } from "../ops.ts";
import { sameShape } from "../shape.ts";
import { isKind, Tensor } from "../tensor.ts";
import type { Ownership } from "./examples.ts";
import { canTurn, denseOf, type OuterTerm, scaledTerm, type Term, turnedTerm, withSides } from "./terms.ts";

interface Chain {
  readonly examples: Ownership;
  /** Does a value depend on parameters? */
  readonly depends: (t: Tensor) => boolean;
  readonly vjp: Vjp;
}

const isTable = (t: Tensor): boolean => t.shape.length === 2;

/** x [B, M, K] times a matrix [K, C]. */
const times = (x: Tensor, matrix: Tensor, isTurned: boolean, alpha: number): Tensor => {
  const [rows, m, k] = x.shape as [number, number, number];
  const y = f.matmul(f.reshape(x, [rows * m, k]), f.cast(matrix, "f32"), { transposeB: isTurned, alpha });
  return f.reshape(y, [rows, m, y.shape[1]!]);
};

/** Through y = alpha op(a) op(b), whose gradient is the sum of l r^T: op(a) has l (op(b) r)^T and op(b) has (op(a)^T l) r^T. */
function throughProduct(t: OuterTerm, node: Tensor<"matmul">, at: number): Term | undefined {
  const { transposeA: ta, transposeB: tb, alpha } = node.attributes;
  const [a, b] = node.inputs as [Tensor, Tensor];
  if (!isTable(a) || !isTable(b)) return undefined;
  if (at === 0) {
    const made = withSides(t, { right: times(t.right, b, !tb, alpha) });
    return ta ? (canTurn(made) ? turnedTerm(made) : undefined) : made;
  }
  const left = sideTimes(t, a, ta, alpha);
  const made = withSides(t, { left });
  return tb ? turnedTerm(made) : made;
}
/** op(a)^T l for a side of dense vectors, or of rows that are named. */
function sideTimes(t: OuterTerm, a: Tensor, isTurned: boolean, alpha: number): Tensor {
  if (t.left instanceof Tensor) return times(t.left, a, isTurned, alpha);
  const rows = isTurned ? f.transpose(a, [1, 0]) : a;
  return f.mul(f.cast(f.gather(rows, t.left.index), "f32"), alpha);
}

/** Terms of a node's input from those of the node, without writing out; undefined where the operation does not allow it. */
function structured(t: Term, node: Tensor, at: number, chain: Chain): Term | undefined {
  const x = node.inputs[at]!;
  if (isKind(node, "identity") || isKind(node, "cast")) return t;
  if (isKind(node, "transpose") && isTable(x) && canTurn(t)) return node.attributes.permutation[0] === 1 ? turnedTerm(t) : t;
  if (isKind(node, "neg")) return scaledTerm(t, -1);
  if ((isKind(node, "add") || isKind(node, "sub")) && sameShape(x.shape, node.shape))
    return isKind(node, "sub") && at === 1 ? scaledTerm(t, -1) : t;
  const other = node.inputs[1 - at];
  if (isKind(node, "mul") && other?.size === 1 && !chain.depends(other) && sameShape(x.shape, node.shape))
    return scaledTerm(t, f.reshape(f.cast(other, "f32"), []));
  if (isKind(node, "matmul") && t.kind === "outer") return throughProduct(t, node, at);
  return undefined;
}

/** Written out, through one operation: whole lists of gradients where layout alone changes, else one example after the other. */
function written(dense: Tensor, node: Tensor, at: number, { vjp, examples: { count } }: Chain): Tensor {
  const x = node.inputs[at]!;
  if (isKind(node, "reshape")) return f.reshape(dense, [count, ...x.shape]);
  if (isKind(node, "slice") && node.attributes.step.every(s => s === 1)) {
    const { start, stop } = node.attributes;
    return f.pad(dense, [0, ...start], [0, ...x.shape.map((d, i) => d - stop[i]!)]);
  }
  const rule = gradient[node.kind] as GradientRule<OpKind>;
  const parts = Array.from({ length: count }, (_, e) => {
    const cotangent = f.cast(f.reshape(f.slice(dense, [e, e + 1]), node.shape), node.dtype);
    const d = rule({ inputs: node.inputs, output: node, cotangent, attributes: node.attributes, vjp })[at];
    return f.reshape(d instanceof Tensor ? f.cast(d, "f32") : f.zeros(x.shape), [1, ...x.shape]);
  });
  return parts.length === 1 ? parts[0]! : f.concat(parts, 0);
}

/** Terms of the parameters, from terms of values that are made of them; newest values first, so that each is complete when it is left. */
export function pulledBack(
  entries: ReadonlyMap<Tensor, readonly Term[]>,
  parameters: ReadonlySet<Tensor>,
  chain: Chain,
): Map<Tensor, Term[]> {
  const terms = new Map<Tensor, Term[]>([...entries].map(([t, list]) => [t, [...list]]));
  const found = new Map<Tensor, Term[]>();
  for (let next = newest(terms); next; next = newest(terms)) {
    const [node, list] = next;
    terms.delete(node);
    if (parameters.has(node)) {
      found.set(node, [...(found.get(node) ?? []), ...list]);
      continue;
    }
    for (const [at, x] of node.inputs.entries()) {
      if (!chain.depends(x)) continue;
      const kept = list.map(t => structured(t, node, at, chain));
      const all = kept.every(t => t !== undefined)
        ? kept
        : list.map((t): Term => ({ kind: "dense", value: written(denseOf(t, node.shape, chain.examples), node, at, chain) }));
      terms.set(x, [...(terms.get(x) ?? []), ...all]);
    }
  }
  return found;
}

const newest = (terms: ReadonlyMap<Tensor, Term[]>): [Tensor, Term[]] | undefined =>
  [...terms].reduce<[Tensor, Term[]] | undefined>((a, b) => (a && a[0].id > b[0].id ? a : b), undefined);
