/** Composite operations written with other operations: what a backend that lacks one runs instead. Same values to rounding. */
import { inlineBody } from "./body.ts";
import { tensorErrors } from "./errors.ts";
import { attendedGradient, attendedLogSum, attendOf } from "./flash-attention.ts";
import * as f from "./functions.ts";
import { vjp } from "./grad.ts";
import type { OpAttributes, OpKind } from "./ops.ts";
import { normalAxes } from "./shape.ts";
import { Tensor } from "./tensor.ts";

type Expansion<K extends OpKind> = (inputs: readonly Tensor[], attributes: OpAttributes[K]) => Tensor;

export type CompositeKind =
  | "call"
  | "custom"
  | "mean"
  | "softmax"
  | "logSumExp"
  | "gelu"
  | "silu"
  | "relu"
  | "squaredRelu"
  | "rotary"
  | "matmulAdd"
  | "matmulBlocks"
  | "matmulRows"
  | "layerNorm"
  | "rmsNorm"
  | "attention"
  | "flashAttention"
  | "flashLogSum"
  | "flashGradient";

const { add, sub, mul, div, mean, sum, reshape } = f;

/** Rows of zeros are divided by this instead of by 0. */
export const leastMagnitude = 1e-30;

/** Nearest whole number, halves to the even one. */
const nearest = (x: Tensor): Tensor => {
  const up = f.floor(add(x, 0.5));
  const isOdd = sub(up, mul(2, f.floor(mul(up, 0.5))));
  return sub(up, mul(isOdd, f.cast(f.equal(sub(up, x), 0.5), x.dtype)));
};
/** x as whole numbers of -127 to 127 and the scale that brings them back, by the greatest magnitude along the last axis. */
const rounded = (x: Tensor): readonly [codes: Tensor, scale: Tensor] => {
  const scale = mul(f.maximum(f.max(f.abs(x), -1, true), leastMagnitude), 1 / 127);
  return [nearest(div(x, scale)), scale];
};

export const expansions: { readonly [K in CompositeKind]: Expansion<K> } = {
  call: (inputs, { body, output }) => inlineBody(body, inputs)[output]!,
  custom: (inputs, { operation }) => {
    if (operation.expand) return operation.expand(inputs);
    throw tensorErrors.fail("graph", {
      place: operation.name,
      expected: "an operation with expand",
      received: "one with a lowering only",
      hint: "This device runs no ONNX nodes. Give the definition an expand.",
    });
  },
  mean: ([x], { axes, keep }) => {
    const normal = normalAxes("mean", axes, x!.shape.length);
    return mul(sum(x!, normal, keep), 1 / normal.reduce((p, a) => p * x!.shape[a]!, 1));
  },
  softmax: ([x]) => {
    const e = f.exp(sub(x!, f.max(x!, -1, true)));
    return div(e, sum(e, -1, true));
  },
  // max(x) - log(max(softmax(x))): the greatest probability is at least 1/n, so nothing underflows, and the softmax is what the gradient needs
  logSumExp: ([x]) => sub(f.max(x!, -1, true), f.log(f.max(f.softmax(x!), -1, true))),
  gelu: ([x], { approximate }) =>
    approximate === "none"
      ? mul(mul(x!, 0.5), add(1, f.erf(mul(x!, Math.SQRT1_2)))) // x Phi(x)
      : mul(mul(x!, 0.5), add(1, f.tanh(mul(Math.sqrt(2 / Math.PI), add(x!, mul(0.044715, mul(x!, mul(x!, x!)))))))),
  silu: ([x]) => mul(x!, f.sigmoid(x!)),
  relu: ([x]) => f.maximum(x!, 0),
  squaredRelu: ([x]) => mul(f.relu(x!), f.relu(x!)),
  rotary: ([x, cos, sin]) => {
    const half = x!.shape[3]! / 2;
    const part = (from: number) => f.slice(x!, undefined, undefined, undefined, [from, from + half]);
    const [first, second] = [part(0), part(half)];
    return f.concat([sub(mul(first, cos!), mul(second, sin!)), add(mul(second, cos!), mul(first, sin!))], 3);
  },
  matmulAdd: ([a, b, c], attributes) => add(new Tensor("matmul", [a!, b!], attributes), c!),
  matmulBlocks: ([x, packed, scales], { bits, block, accuracy }) => {
    const [n, blocks] = scales!.shape as [number, number];
    const bytes = f.cast(packed!, "f32");
    const high = f.floor(mul(bytes, 1 / 16));
    const pair = () => [sub(bytes, mul(high, 16)), high].map(t => reshape(t, [n, blocks, block / 2, 1]));
    const codes = bits === 8 ? bytes : reshape(f.concat(pair(), 3), [n, blocks, block]);
    const weight = mul(sub(codes, 2 ** (bits - 1)), reshape(scales!, [n, blocks, 1]));
    const [q, scale] = rounded(reshape(x!, [x!.shape[0]!, blocks, block]));
    const given = accuracy === "i8" ? reshape(mul(q, scale), x!.shape) : x!;
    return f.matmul(given, reshape(weight, [n, blocks * block]), { transposeB: true });
  },
  matmulRows: ([x, weight, scales]) => {
    const [codes, scale] = rounded(x!);
    return mul(mul(f.matmul(codes, f.cast(weight!, "f32")), scales!), scale);
  },
  layerNorm: ([x, weight, bias], { epsilon }) => {
    const centred = sub(x!, mean(x!, -1, true));
    const y = mul(mul(centred, f.rsqrt(add(mean(mul(centred, centred), -1, true), epsilon))), weight!);
    return bias ? add(y, bias) : y;
  },
  rmsNorm: ([x, weight], { epsilon }) => mul(mul(x!, f.rsqrt(add(mean(mul(x!, x!), -1, true), epsilon))), weight!),
  attention: ([q, k, v, mask], { scale }) => {
    const scores = f.matmul(q!, k!, { transposeB: true, alpha: scale });
    return f.matmul(f.softmax(mask ? add(scores, mask) : scores), v!);
  },
  flashAttention: attendOf,
  flashLogSum: attendedLogSum,
  flashGradient: (inputs, attributes) => attendedGradient(inputs, attributes, vjp),
};
