/**
 * Reverse-mode rules: for each operation, the cotangents of its inputs from the cotangent of its output. Every float input has one, or `zero`
 * where the derivative is 0 everywhere by definition; `undefined` is for inputs that are no floats (indices, conditions). The sweep throws
 * where a rule leaves a float input out. Rules are written with the operations themselves, so their results can be differentiated again.
 * Notation: dx is the cotangent of x, y the output. Reading: Griewank & Walther; JAX's autodidax.
 */

import { inlineBody } from "./body.ts";
import { tensorErrors } from "./errors.ts";
import { attendedGradient, attendedLogSum } from "./flash-attention.ts";
import * as f from "./functions.ts";
import { type Cotangent, zeroCotangent as zero } from "./operation.ts";
import type { OpAttributes, OpKind } from "./ops.ts";
import { normalAxes, sameShape, showShape } from "./shape.ts";
import { constant, Tensor } from "./tensor.ts";

interface GradientContext<K extends OpKind> {
  readonly inputs: readonly Tensor[];
  readonly output: Tensor<K>;
  readonly cotangent: Tensor;
  readonly attributes: OpAttributes[K];
  /** The reverse sweep itself, for rules that run a body again. */
  readonly vjp: Vjp;
}
/** Cotangents of `inputs` when the output's is given; undefined where the output does not depend on one. */
export type Vjp = (output: Tensor, inputs: readonly Tensor[], cotangent: Tensor) => (Tensor | undefined)[];
export type GradientRule<K extends OpKind> = (context: GradientContext<K>) => readonly Cotangent[];

const none = () => [];
/** Steps and cuts: the value does not follow the input, or is made not to. */
const flat = () => [zero] as const;
const refused = (): never => {
  throw tensorErrors.fail("attribute", {
    place: "gradient",
    expected: "a program over float weights",
    received: "a product with quantised weights",
    hint: "Differentiate the program with the weights that were quantised.",
  });
};
const { add, sub, mul, div, neg, sum, sumTo, reshape } = f;

/** Puts reduced axes back as size 1, so that a reduction's cotangent broadcasts against its input. */
const unreduce = (d: Tensor, x: Tensor, axes: readonly number[]): Tensor =>
  reshape(
    d,
    x.shape.map((n, i) => (axes.includes(i) ? 1 : n)),
  );

/** Is it there before the program runs? */
const isLeaf = (t: Tensor): boolean => t.kind === "input" || t.kind === "constant" || (t.kind === "identity" && isLeaf(t.inputs[0]!));

/** The cotangent of what a result does not depend on. */
const noChange = (x: Tensor): Tensor | undefined => (f.isFloatTensor(x) ? f.zeros(x.shape, x.dtype) : undefined);

const inverse = (permutation: readonly number[]): number[] => permutation.map((_, i) => permutation.indexOf(i));

/** sqrt(2 / pi) of the tanh approximation of GELU. */
const geluTanh = { a: Math.sqrt(2 / Math.PI), b: 0.044715 };

/** max and argument-max style rules share an even split of the cotangent between equal greatest elements. */
const maxRule: GradientRule<"max"> = ({ inputs: [x], output, cotangent, attributes: { axes } }) => {
  const normal = normalAxes("max", axes, x!.shape.length);
  const hit = f.cast(f.equal(x!, unreduce(output, x!, normal)), x!.dtype);
  return [mul(div(hit, sum(hit, normal, true)), unreduce(cotangent, x!, normal))];
};

const extremum =
  (wins: (a: Tensor, b: Tensor) => Tensor): GradientRule<"maximum" | "minimum"> =>
  ({ inputs: [a, b], cotangent }) => {
    // where a wins the cotangent goes to a, where b wins to b, half each where they tie
    const half = (cond: Tensor, equal: Tensor) => f.select(equal, 0.5, f.cast(cond, a!.dtype));
    const tie = f.equal(a!, b!);
    return [sumTo(mul(cotangent, half(wins(a!, b!), tie)), a!.shape), sumTo(mul(cotangent, half(wins(b!, a!), tie)), b!.shape)];
  };

export const gradient: { readonly [K in OpKind]: GradientRule<K> } = {
  input: none,
  constant: none,

  identity: ({ cotangent }) => [cotangent],
  stopGradient: flat,
  neg: ({ cotangent }) => [neg(cotangent)],
  abs: ({ inputs: [x], cotangent }) => [mul(cotangent, f.sign(x!))],
  sign: flat,
  exp: ({ output, cotangent }) => [mul(cotangent, output)], // d e^x = e^x dx
  log: ({ inputs: [x], cotangent }) => [div(cotangent, x!)],
  sqrt: ({ output, cotangent }) => [div(mul(cotangent, 0.5), output)], // d sqrt(x) = dx / (2 sqrt(x))
  sin: ({ inputs: [x], cotangent }) => [mul(cotangent, f.cos(x!))],
  cos: ({ inputs: [x], cotangent }) => [neg(mul(cotangent, f.sin(x!)))],
  tanh: ({ output, cotangent }) => [mul(cotangent, sub(1, mul(output, output)))], // 1 - tanh^2
  erf: ({ inputs: [x], cotangent }) => [mul(cotangent, mul(2 / Math.sqrt(Math.PI), f.exp(neg(mul(x!, x!)))))], // 2/sqrt(pi) e^(-x^2)
  sigmoid: ({ output, cotangent }) => [mul(cotangent, mul(output, sub(1, output)))], // s (1 - s)
  floor: flat,
  not: none,
  cast: ({ inputs: [x], cotangent }) => (f.isFloatTensor(x!) ? [f.cast(cotangent, x!.dtype)] : []),

  add: ({ inputs: [a, b], cotangent }) => [sumTo(cotangent, a!.shape), sumTo(cotangent, b!.shape)],
  sub: ({ inputs: [a, b], cotangent }) => [sumTo(cotangent, a!.shape), sumTo(neg(cotangent), b!.shape)],
  mul: ({ inputs: [a, b], cotangent }) => [sumTo(mul(cotangent, b!), a!.shape), sumTo(mul(cotangent, a!), b!.shape)],
  div: ({ inputs: [a, b], output, cotangent }) => {
    const da = div(cotangent, b!); // d(a/b) = da/b - (a/b) db/b
    return [sumTo(da, a!.shape), sumTo(neg(mul(da, output)), b!.shape)];
  },
  pow: ({ inputs: [a, b], output, cotangent }) => [
    sumTo(mul(cotangent, mul(b!, f.pow(a!, sub(b!, 1)))), a!.shape), // b a^(b-1)
    sumTo(mul(cotangent, mul(output, f.log(f.select(f.equal(a!, 0), 1, a!)))), b!.shape), // a^b ln a; 0 where a is 0
  ],
  maximum: extremum((a, b) => f.less(b, a)),
  minimum: extremum((a, b) => f.less(a, b)),
  equal: none,
  less: none,
  lessEqual: none,
  and: none,
  or: none,
  select: ({ inputs: [condition, a, b], cotangent }) => [
    undefined,
    sumTo(f.select(condition!, cotangent, 0), a!.shape),
    sumTo(f.select(condition!, 0, cotangent), b!.shape),
  ],

  reshape: ({ inputs: [x], cotangent }) => [reshape(cotangent, x!.shape)],
  transpose: ({ cotangent, attributes }) => [f.transpose(cotangent, inverse(attributes.permutation))],
  broadcastTo: ({ inputs: [x], cotangent }) => [sumTo(cotangent, x!.shape)],
  slice: ({ inputs: [x], cotangent, attributes: { start, stop, step } }) => {
    if (step.every(s => s === 1))
      return [
        f.pad(
          cotangent,
          start,
          x!.shape.map((d, i) => d - stop[i]!),
        ),
      ];
    // with steps: spread the rows over zeros, one axis at a time
    let d = cotangent;
    step.forEach((s, axis) => {
      const n = x!.shape[axis]!;
      const count = d.shape[axis]!;
      const front = [axis, ...d.shape.map((_, i) => i).filter(i => i !== axis)];
      const rows = f.transpose(d, front);
      const index = constant(
        Array.from({ length: count }, (_, i) => start[axis]! + i * s),
        "i64",
      );
      d = f.transpose(f.scatterRows(f.zeros([n, ...rows.shape.slice(1)], d.dtype), index, rows, "add"), inverse(front));
    });
    return [d];
  },
  pad: ({ inputs: [x], cotangent, attributes: { before } }) => [
    f.slice(cotangent, ...x!.shape.map((d, i): [number, number] => [before[i]!, before[i]! + d])),
  ],
  concat: ({ inputs, cotangent, attributes: { axis } }) => {
    let at = 0;
    return inputs.map(x => {
      const range: [number, number] = [at, at + x.shape[axis]!];
      at = range[1];
      return f.slice(cotangent, ...x.shape.map((_, i) => (i === axis ? range : undefined)));
    });
  },

  sum: ({ inputs: [x], cotangent, attributes: { axes } }) => [
    f.broadcastTo(unreduce(cotangent, x!, normalAxes("sum", axes, x!.shape.length)), x!.shape),
  ],
  max: maxRule,
  argmax: none,
  // the running sum from the other end (total - running + itself would cancel)
  cumsum: ({ cotangent, attributes: { axis, reverse } }) => [f.cumsum(cotangent, axis, { reverse: !reverse })],

  gather: ({ inputs: [x, index], cotangent, attributes: { axis } }) => {
    const rank = x!.shape.length;
    const n = index!.shape.length;
    // bring the gathered axes to the front, add rows, bring the axis back
    const front = [
      ...Array.from({ length: n }, (_, i) => axis + i),
      ...Array.from({ length: axis }, (_, i) => i),
      ...Array.from({ length: rank - axis - 1 }, (_, i) => axis + n + i),
    ];
    const rest = x!.shape.filter((_, i) => i !== axis);
    const rows = axis === 0 ? cotangent : f.transpose(cotangent, front);
    const added = f.scatterRows(f.zeros([x!.shape[axis]!, ...rest], x!.dtype), index!, rows, "add");
    if (axis === 0) return [added, undefined];
    return [f.transpose(added, inverse([axis, ...Array.from({ length: rank }, (_, i) => i).filter(i => i !== axis)])), undefined];
  },
  takeAlong: ({ inputs: [x, index], cotangent, attributes: { axis } }) => [
    f.putAlong(f.zeros(x!.shape, x!.dtype), index!, cotangent, axis),
    undefined,
  ],
  scatterRows: ({ inputs: [x, index, rows], cotangent, attributes: { mode } }) => {
    const dRows = f.gather(cotangent, index!);
    return [mode === "add" ? cotangent : f.scatterRows(cotangent, index!, f.zeros(rows!.shape, x!.dtype), "set"), undefined, dRows];
  },
  putAlong: ({ inputs: [, index], cotangent, attributes: { axis } }) => [cotangent, undefined, f.takeAlong(cotangent, index!, axis)],

  // y = alpha op(a) op(b): d op(a) = alpha dy op(b)^T, d op(b) = alpha op(a)^T dy, each transposed back where op was a transpose
  matmul: ({ inputs: [a, b], cotangent: d, attributes: { transposeA: ta, transposeB: tb, alpha } }) => {
    const da = ta ? f.matmul(b!, d, { transposeA: tb, transposeB: true, alpha }) : f.matmul(d, b!, { transposeB: !tb, alpha });
    const db = tb ? f.matmul(d, a!, { transposeA: true, transposeB: ta, alpha }) : f.matmul(a!, d, { transposeA: !ta, alpha });
    return [sumTo(da, a!.shape), sumTo(db, b!.shape)];
  },

  randomUniform: none,
  // of the sum over all ranks of their results: what a rank gives reaches every rank of its group
  allReduce: ({ inputs: [x], output, cotangent, attributes: { axis, ranks, reduce } }) => {
    const all = f.allReduce(cotangent, axis, ranks);
    if (reduce === "sum") return [all];
    const hit = f.cast(f.equal(x!, output), x!.dtype);
    return [mul(div(hit, f.allReduce(hit, axis, ranks)), all)]; // evenly to the greatest
  },
  allGather: ({ cotangent, attributes: { axis, ranks, dimension } }) => [f.reduceScatter(cotangent, axis, ranks, dimension)],
  reduceScatter: ({ cotangent, attributes: { axis, ranks, dimension } }) => [f.allGather(cotangent, axis, ranks, dimension)],
  barrier: ({ inputs, cotangent }) => inputs.map((_, i) => (i === 0 ? cotangent : zero)),
  call: ({ inputs, cotangent, attributes: { body, output, gradient: own }, vjp }) => {
    if (own === "lost")
      throw tensorErrors.fail("gradient", {
        place: "gradient",
        expected: "a program that was traced here",
        received: "a stored one, of a function with a gradient of its own",
        hint: "A file holds what the function computes and not its gradient. Differentiate first, then store.",
      });
    // recompute the body late, from inputs that wait for the cotangent; leaves need not wait, they hold no activations
    const late = inputs.map(x => (isLeaf(x) || !f.isFloatTensor(x) ? f.identity(x) : new Tensor("barrier", [x, cotangent], {})));
    // an output of the body need not depend on every input
    return vjp(inlineBody(body, late)[output]!, late, cotangent).map(d => d ?? zero);
  },

  custom: ({ inputs, output, cotangent, attributes: { operation }, vjp }) => {
    const { name, gradient: rule, expand } = operation;
    if (!rule && expand) {
      const copies = inputs.map(f.identity);
      return vjp(expand(copies), copies, cotangent).map(d => d ?? zero);
    }
    if (!rule)
      throw tensorErrors.fail("gradient", {
        place: name,
        expected: "an operation with gradient or expand",
        received: "one with neither",
        hint: "Give its definition a gradient, or apply stopGradient to its inputs.",
      });
    const ds = rule({ inputs, output, cotangent });
    if (!Array.isArray(ds))
      throw tensorErrors.fail("gradient", { place: name, expected: "a list: a cotangent an input", received: typeof ds });
    for (const [i, d] of ds.entries())
      if (d instanceof Tensor && inputs[i] && !sameShape(d.shape, inputs[i].shape))
        throw tensorErrors.fail("shape", {
          place: `${name}: gradient of input ${i}`,
          expected: `a cotangent of the input's shape ${showShape(inputs[i].shape)}`,
          received: showShape(d.shape),
          hint: "Use sumTo to add up what broadcasting repeated.",
        });
    return ds;
  },

  mean: ({ inputs: [x], cotangent, attributes: { axes } }) => {
    const normal = normalAxes("mean", axes, x!.shape.length);
    const count = normal.reduce((p, a) => p * x!.shape[a]!, 1);
    return [f.broadcastTo(unreduce(mul(cotangent, 1 / count), x!, normal), x!.shape)];
  },
  softmax: ({ output: y, cotangent }) => [mul(y, sub(cotangent, sum(mul(cotangent, y), -1, true)))], // y (dy - <dy, y>)
  logSumExp: ({ inputs: [x], cotangent }) => [mul(f.softmax(x!), cotangent)],
  gelu: ({ inputs: [x], cotangent, attributes: { approximate } }) => {
    if (approximate === "none") {
      // Phi(x) + x phi(x) = (1 + erf(s) + 2/sqrt(pi) s e^(-s^2)) / 2 with s = x / sqrt 2; the constant goes into the exponent
      const s = mul(x!, Math.SQRT1_2);
      const density = mul(s, f.exp(sub(Math.log(2 / Math.sqrt(Math.PI)), mul(s, s))));
      return [mul(mul(cotangent, 0.5), add(add(f.erf(s), density), 1))];
    }
    // y = x (1 + tanh u) / 2 with u = a (x + b x^3)
    const x2 = mul(x!, x!);
    const t = f.tanh(mul(geluTanh.a, mul(x!, add(1, mul(geluTanh.b, x2)))));
    const du = mul(geluTanh.a, add(1, mul(3 * geluTanh.b, x2)));
    return [mul(cotangent, mul(0.5, add(add(1, t), mul(mul(x!, sub(1, mul(t, t))), du))))];
  },
  silu: ({ inputs: [x], cotangent }) => {
    const s = f.sigmoid(x!);
    return [mul(cotangent, mul(s, add(1, mul(x!, sub(1, s)))))]; // s (1 + x (1 - s))
  },
  relu: ({ inputs: [x], cotangent }) => [mul(cotangent, f.cast(f.less(0, x!), x!.dtype))],
  squaredRelu: ({ inputs: [x], cotangent }) => [mul(mul(cotangent, 2), f.relu(x!))], // 2 max(x, 0): no mask is needed
  // y1 = x1 c - x2 s, y2 = x2 c + x1 s: dx is dy turned back; dc = dy1 x1 + dy2 x2, ds = dy2 x1 - dy1 x2
  rotary: ({ inputs: [x, cos, sin], cotangent: d }) => {
    const half = x!.shape[3]! / 2;
    const part = (t: Tensor, from: number) => f.slice(t, undefined, undefined, undefined, [from, from + half]);
    const [x1, x2, d1, d2] = [part(x!, 0), part(x!, half), part(d, 0), part(d, half)];
    return [
      f.rotary(d, cos!, neg(sin!)),
      sumTo(add(mul(d1, x1), mul(d2, x2)), cos!.shape),
      sumTo(sub(mul(d2, x1), mul(d1, x2)), sin!.shape),
    ];
  },
  matmulAdd: ({ inputs: [a, b], cotangent, attributes, output, vjp }) => {
    const [x, y] = [f.identity(a!), f.identity(b!)];
    return [...vjp(new Tensor("matmul", [x, y], attributes), [x, y], cotangent), f.reshape(cotangent, output.shape)];
  },
  matmulBlocks: refused,
  matmulRows: refused,
  layerNorm: ({ inputs: [x, weight, bias], cotangent, attributes: { epsilon } }) => {
    // xh = (x - mean) r: dx = r (g - mean(g) - xh mean(g xh)), g = dy w
    const centred = sub(x!, f.mean(x!, -1, true));
    const r = f.rsqrt(add(f.mean(mul(centred, centred), -1, true), epsilon));
    const xh = mul(centred, r);
    const g = mul(cotangent, weight!);
    const dx = mul(r, sub(sub(g, f.mean(g, -1, true)), mul(xh, f.mean(mul(g, xh), -1, true))));
    return [dx, sumTo(mul(cotangent, xh), weight!.shape), ...(bias ? [sumTo(cotangent, bias.shape)] : [])];
  },
  rmsNorm: ({ inputs: [x, weight], cotangent, attributes: { epsilon } }) => {
    // xh = x r: dx = r (g - xh mean(g xh)), g = dy w
    const r = f.rsqrt(add(f.mean(mul(x!, x!), -1, true), epsilon));
    const xh = mul(x!, r);
    const g = mul(cotangent, weight!);
    return [mul(r, sub(g, mul(xh, f.mean(mul(g, xh), -1, true)))), sumTo(mul(cotangent, xh), weight!.shape)];
  },
  attention: ({ inputs: [q, k, v, mask], output, cotangent: d, attributes: { scale } }) => {
    // p = softmax(s), s = scale q k^T + mask. dv = p^T do; dp = do v^T; ds = p (dp - <p, dp>), and <p, dp> = <do, o>: one row product of
    // width D in place of one of width Tk (Dao et al. 2022, FlashAttention, appendix B).
    const scores = f.matmul(q!, k!, { transposeB: true, alpha: scale });
    const p = f.softmax(mask ? add(scores, mask) : scores);
    const ds = mul(p, sub(f.matmul(d, v!, { transposeB: true }), sum(mul(d, output), -1, true)));
    return [
      sumTo(f.matmul(ds, k!, { alpha: scale }), q!.shape),
      sumTo(f.matmul(ds, q!, { transposeA: true, alpha: scale }), k!.shape),
      sumTo(f.matmul(p, d, { transposeA: true }), v!.shape),
      ...(mask ? [sumTo(ds, mask.shape)] : []),
    ];
  },
  // the operator's derivative is an operator too, which computes the weights again from the log sums
  flashAttention: ({ inputs, output, cotangent, attributes }) => {
    const [q, k, v, ...segments] = inputs as [Tensor, Tensor, Tensor, ...Tensor[]];
    const logSum = new Tensor("flashLogSum", inputs, attributes);
    const given = [q, k, v, output, logSum, cotangent, ...segments];
    return (["query", "key", "value"] as const).map(of => new Tensor("flashGradient", given, { ...attributes, of }));
  },
  flashLogSum: ({ inputs, cotangent, attributes, vjp }) => {
    const copies = inputs.map(f.identity);
    return vjp(attendedLogSum(copies, attributes), copies, cotangent).map((d, i) => d ?? noChange(copies[i]!));
  },
  // of q, k, v and the cotangent: the result and its log sums follow from them
  flashGradient: ({ inputs, cotangent, attributes, vjp }) => {
    const copies = inputs.map(f.identity);
    const ds = vjp(attendedGradient(copies, attributes, vjp), copies, cotangent);
    return ds.map((d, i) => d ?? noChange(copies[i]!));
  },
};
