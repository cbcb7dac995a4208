// An operation, an optimiser and a layer of your own, in TypeScript. parts.js is the same in JavaScript. They stand in a folder of yours: nothing
// of Loam's is edited.
import {
  add,
  type DType,
  defineOperation,
  div,
  linear,
  linearSpec,
  matmul,
  maximum,
  mean,
  mul,
  type Operation,
  type Rule,
  reshape,
  type Shape,
  sigmoid,
  sqrt,
  sub,
  type Tensor,
  type TensorsOf,
} from "loam";

/** Operation: cap tanh(x / cap), which keeps values in (-cap, cap). `checkOperation` holds these rules against each other. */
export const softcap: Operation<{ readonly cap: number }> = defineOperation<{ readonly cap: number }>({
  name: "example.softcap",
  arity: 1,
  infer: ([x]) => x!,
  // d tanh(u) = 1 - tanh(u)^2, and output / cap is tanh(u)
  gradient: ({ output, cotangent, options: { cap } }) => [mul(cotangent, sub(1, mul(mul(output, 1 / cap), mul(output, 1 / cap))))],
  reference: ({ inputs: [x], options: { cap } }) => x!.map(v => cap * Math.tanh(v / cap)),
  lower: ({ emit, float, inputs: [x], options: { cap } }) => emit("Mul", [emit("Tanh", [emit("Div", [x!, float(cap)])]), float(cap)]),
});

const rms = (x: Tensor): Tensor => sqrt(mean(mul(x, x)));

/**
 * Optimiser: Adafactor without momentum (Shazeer & Stern 2018, algorithm 4). A matrix [R, C] has R + C numbers of state instead of AdamW's 2 R C: the
 * second moments of its rows and of its columns.
 */
export function adafactor({ epsilon = 1e-30, clip = 1 }: { readonly epsilon?: number; readonly clip?: number } = {}): Rule {
  const member = (shape: Shape, dtype: DType) => ({ shape, dtype });
  return {
    name: "adafactor",
    state: ({ shape, dtype }) =>
      shape.length === 2 ? { rows: member([shape[0]!], dtype), columns: member([shape[1]!], dtype) } : { second: member(shape, dtype) },
    scalars: ({ rate, step }) => ({ rate, keep: 1 - step ** -0.8 }),
    update({ value, gradient, gradientScale, state, scalars }) {
      const g = mul(gradient, gradientScale);
      const squared = add(mul(g, g), epsilon);
      const moved = (old: Tensor, now: Tensor) => add(mul(old, scalars.keep!), mul(now, sub(1, scalars.keep!)));
      let next: Record<string, Tensor>;
      let second: Tensor;
      if (state.rows) {
        const rows = moved(state.rows, mean(squared, 1));
        const columns = moved(state.columns!, mean(squared, 0));
        const [r, c] = value.shape as [number, number];
        second = div(matmul(reshape(rows, [r, 1]), reshape(columns, [1, c])), mean(rows));
        next = { rows, columns };
      } else {
        second = moved(state.second!, squared);
        next = { second };
      }
      const direction = div(g, sqrt(second));
      const clipped = div(direction, maximum(1, div(rms(direction), clip)));
      return { value: sub(value, mul(clipped, scalars.rate!)), state: next };
    },
  };
}

/** Layer: a gated residual block whose branch is capped. Parameters are a tree of specifications, the layer is a function of the same tree. */
export const gatedSpec = (width: number, hidden: number) => ({
  value: linearSpec(width, hidden, 1 / Math.sqrt(width), true),
  gate: linearSpec(width, hidden, 1 / Math.sqrt(width), true),
  out: linearSpec(hidden, width, 1 / Math.sqrt(hidden), true),
});
/** x [B, C] -> [B, C]. */
export const gated = (p: TensorsOf<ReturnType<typeof gatedSpec>>, x: Tensor): Tensor =>
  add(x, linear(p.out, softcap([mul(linear(p.value, x), sigmoid(linear(p.gate, x)))], { cap: 3 })));
