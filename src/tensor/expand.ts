/** Composite operations written with other operations: what a backend that lacks one runs instead. Same values to rounding. */
import { inlineBody } from "./body.ts";
import * as f from "./functions.ts";
import type { Attributes, OpKind } from "./ops.ts";
import { normalAxes } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

type Expansion<K extends OpKind> = (inputs: readonly Tensor[], attributes: Attributes[K]) => Tensor;

export type CompositeKind = "call" | "mean" | "softmax" | "logSumExp" | "gelu" | "silu" | "layerNorm" | "rmsNorm" | "attention";

const { add, sub, mul, div, mean, sum } = f;

export const expansions: { readonly [K in CompositeKind]: Expansion<K> } = {
  call: (inputs, { body, output }) => inlineBody(body, inputs)[output]!,
  mean: ([x], { axes, keep }) => {
    const normal = normalAxes("mean", axes, x!.shape.length);
    return mul(sum(x!, normal, keep), 1 / normal.reduce((p, a) => p * x!.shape[a]!, 1));
  },
  softmax: ([x]) => {
    const e = f.exp(sub(x!, f.max(x!, -1, true)));
    return div(e, sum(e, -1, true));
  },
  logSumExp: ([x]) => {
    const m = f.max(x!, -1, true);
    return add(m, f.log(sum(f.exp(sub(x!, m)), -1, true)));
  },
  gelu: ([x], { approximate }) =>
    approximate === "none"
      ? mul(mul(x!, 0.5), add(1, f.erf(mul(x!, Math.SQRT1_2)))) // x Phi(x)
      : mul(mul(x!, 0.5), add(1, f.tanh(mul(Math.sqrt(2 / Math.PI), add(x!, mul(0.044715, mul(x!, mul(x!, x!)))))))),
  silu: ([x]) => mul(x!, f.sigmoid(x!)),
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
};
