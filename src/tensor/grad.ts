/**
 * Reverse-mode differentiation of any scalar function of a tree of tensors. What it returns are tensors again: it can be differentiated,
 * compiled, or built into a larger function.
 */
import { isBranch, type Tree, treeFrom, treeLeaves } from "../base/index.ts";
import { reachable } from "./body.ts";
import { tensorErrors } from "./errors.ts";
import { add, broadcastTo, identity, isFloatTensor, zeros } from "./functions.ts";
import { type GradientRule, gradient, type Vjp } from "./gradient.ts";
import { zeroCotangent } from "./operation.ts";
import type { OpKind } from "./ops.ts";
import { sameShape, showShape } from "./shape.ts";
import { constant, isKind, Tensor } from "./tensor.ts";

/** Vector-Jacobian product over the nodes between `inputs` and `output`. */
export const vjp: Vjp = (output, inputs, cotangent) => {
  if (!sameShape(output.shape, cotangent.shape))
    throw tensorErrors.fail("shape", {
      place: "vjp",
      expected: `a cotangent of shape ${showShape(output.shape)}`,
      received: showShape(cotangent.shape),
    });
  // ids only grow, so nothing below the lowest input can depend on one
  const nodes = reachable([output], Math.min(...inputs.map(x => x.id)));
  const targets = new Set(inputs);
  const depends = new Set<Tensor>(inputs);
  for (const t of nodes) if (isFloatTensor(t) && t.inputs.some(x => depends.has(x))) depends.add(t);
  const cotangents = new Map<Tensor, Tensor>([[output, cotangent]]);
  for (const t of nodes.reverse()) {
    const d = cotangents.get(t);
    if (!d || !depends.has(t) || targets.has(t)) continue;
    const rule = gradient[t.kind] as GradientRule<OpKind>;
    const ds = rule({ inputs: t.inputs, output: t, cotangent: d, attributes: t.attributes, vjp });
    t.inputs.forEach((x, i) => {
      const dx = ds[i];
      if (dx === zeroCotangent || !depends.has(x) || !isFloatTensor(x)) return;
      if (dx === undefined)
        throw tensorErrors.fail("gradient", {
          place: isKind(t, "custom") ? t.attributes.operation.name : t.kind,
          expected: `a gradient rule for input ${i}, ${x.toString()}`,
          received: "none",
          hint: "Apply stopGradient to that input to leave its gradient out.",
        });
      const sofar = cotangents.get(x);
      cotangents.set(x, sofar ? add(sofar, dx) : dx);
    });
  }
  return inputs.map(x => cotangents.get(x));
};

/** A tree's tensors wrapped in fresh nodes, so that the sweep knows where to stop. */
function fresh<P>(tree: P): { wrapped: P; leaves: Tensor[] } {
  const leaves = treeLeaves<Tensor>(tree as Tree<Tensor>);
  for (const t of leaves)
    if (!(t instanceof Tensor))
      throw tensorErrors.fail("gradient", { place: "grad", expected: "tensors in the first argument", received: typeof t });
    else if (!isFloatTensor(t))
      throw tensorErrors.fail("gradient", {
        place: "grad",
        expected: "float tensors in the first argument",
        received: t.toString(),
        hint: "Pass what has no derivative as a later argument.",
      });
  const copies = leaves.map(identity);
  return { wrapped: treeFrom(tree as Tree<Tensor>, copies) as P, leaves: copies };
}

const scalar = (t: unknown): Tensor => {
  if (!(t instanceof Tensor) || t.shape.length !== 0 || !isFloatTensor(t))
    throw tensorErrors.fail("gradient", {
      place: "grad",
      expected: "a function whose result is one float of shape []",
      received: t instanceof Tensor ? t.toString() : isBranch(t) ? "a tree" : typeof t,
      hint: "Sum or average the result first.",
    });
  return t;
};

/** (p, ...rest) -> [f(p, ...rest), gradient with respect to p]. Leaves that the result does not depend on get zeros. */
export function valueAndGrad<P, R extends unknown[]>(f: (p: P, ...rest: R) => Tensor): (p: P, ...rest: R) => [Tensor, P] {
  const withAux = valueAuxAndGrad((p: P, ...rest: R) => [f(p, ...rest), undefined] as const);
  return (p, ...rest) => {
    const [value, , g] = withAux(p, ...rest);
    return [value, g];
  };
}

/** The same for a function that returns [scalar, anything else]: gives [scalar, that, gradient]. */
export function valueAuxAndGrad<P, R extends unknown[], X>(
  f: (p: P, ...rest: R) => readonly [Tensor, X],
): (p: P, ...rest: R) => [Tensor, X, P] {
  return (p, ...rest) => {
    const { wrapped, leaves } = fresh(p);
    const [value, aux] = f(wrapped, ...rest);
    const y = scalar(value);
    const ds = vjp(y, leaves, constant(1, y.dtype));
    const filled = leaves.map((x, i) => (ds[i] ? broadcastTo(ds[i]!, x.shape) : zeros(x.shape, x.dtype)));
    return [y, aux, treeFrom(p as Tree<Tensor>, filled) as P];
  };
}

/** Gradient of a scalar function with respect to its first argument. */
export const grad =
  <P, R extends unknown[]>(f: (p: P, ...rest: R) => Tensor): ((p: P, ...rest: R) => P) =>
  (p, ...rest) =>
    valueAndGrad(f)(p, ...rest)[1];
