/** Small layers: linear, embedding, norms, feed-forward, dropout. Shapes: B batch, T time, C width, F feed-forward width, V vocabulary. */
import {
  add,
  cast,
  checkShape,
  concat,
  gelu,
  layerNorm,
  lessEqual,
  mul,
  randomUniform,
  relu,
  rmsNorm,
  silu,
  slice,
  squaredRelu,
  type Tensor,
  tanh,
} from "../tensor/index.ts";
import { matrix, ones, type ParameterSpec, zerosSpec } from "./parameters.ts";
import { tableRows, type Weight, weightProduct } from "./weight.ts";

export interface LinearSpec {
  readonly weight: ParameterSpec;
  readonly bias?: ParameterSpec;
}
export interface Adapted {
  /** Changes a layer's output y [..., out], knowing its input x [..., in]; see `adapters/`. */
  readonly adapt?: (x: Tensor, y: Tensor) => Tensor;
}
export interface Linear extends Adapted {
  readonly weight: Weight;
  readonly bias?: Tensor;
}
/** How ranks part a projection: by its outputs, bias too, or by its inputs, which makes its output a sum over ranks. */
const projectionSplits = {
  columns: { weight: { tensor: 1 }, bias: { tensor: 0 } },
  rows: { weight: { tensor: 0 }, bias: undefined },
} as const;
/** weight [in, out] normal with `deviation`, bias [out] zero; whole on all ranks where no `split` is named. */
export const linearSpec = (
  input: number,
  output: number,
  deviation: number,
  bias: boolean,
  split?: keyof typeof projectionSplits,
): LinearSpec => {
  const by = split && projectionSplits[split];
  return { weight: matrix([input, output], deviation, by?.weight), ...(bias ? { bias: zerosSpec([output], by?.bias) } : {}) };
};
/** x [..., in] -> [..., out]. */
export const linear = (p: Linear, x: Tensor): Tensor => {
  const y = weightProduct(x, p.weight);
  const z = p.bias ? add(y, p.bias) : y;
  return p.adapt ? p.adapt(x, z) : z;
};

/** A product of several layers y [..., sum of widths] as their outputs, each changed by what it has of its own. x is their input. */
export function adaptedParts(x: Tensor, y: Tensor, parts: readonly (readonly [width: number, own: Adapted | undefined])[]): Tensor[] {
  const before = y.shape.slice(1).map(() => undefined);
  let at = 0;
  return parts.map(([width, own]) => {
    const part = slice(y, ...before, [at, at + width]);
    at += width;
    return own?.adapt ? own.adapt(x, part) : part;
  });
}

/** Rows of a table [V, C] for tokens [B, T] (i32 or i64): [B, T, C]. */
export const embedding = (table: Weight, tokens: Tensor): Tensor => tableRows(table, tokens);

export const normKinds = ["layer", "rms"] as const;
export type NormKind = (typeof normKinds)[number];
export interface NormSpec {
  readonly weight: ParameterSpec;
  readonly bias?: ParameterSpec;
}
export interface Norm {
  readonly weight: Tensor;
  readonly bias?: Tensor;
}
export const normSpec = (width: number, bias: boolean): NormSpec => ({
  weight: ones([width]),
  ...(bias ? { bias: zerosSpec([width]) } : {}),
});
const norms: { readonly [K in NormKind]: (p: Norm, x: Tensor, epsilon: number) => Tensor } = {
  layer: (p, x, epsilon) => layerNorm(x, p.weight, p.bias, epsilon),
  rms: (p, x, epsilon) => rmsNorm(x, p.weight, epsilon),
};
/** x [..., C] normalised over its last axis. */
export const norm = (kind: NormKind, p: Norm, x: Tensor, epsilon = 1e-5): Tensor => norms[kind](p, x, epsilon);

/** x kept within (-cap, cap): cap * tanh(x / cap). */
export const squashed = (x: Tensor, cap: number): Tensor => mul(tanh(mul(x, 1 / cap)), cap);

export const activations = ["gelu", "geluTanh", "swiglu", "geglu", "relu", "relu2"] as const;
export type Activation = (typeof activations)[number];

export interface FeedForwardSpec {
  readonly up: LinearSpec;
  readonly gate?: LinearSpec;
  readonly down: LinearSpec;
}
export interface FeedForward {
  readonly up: Linear;
  readonly gate?: Linear;
  readonly down: Linear;
}
/** The same with a gate and the projection up as one product. */
interface JoinedFeedForward {
  /** Gate and up side by side: weight [C, 2 F]. */
  readonly joined: Linear;
  readonly gate?: Adapted;
  readonly up?: Adapted;
  readonly down: Linear;
}
/** Does an activation multiply by a second projection? What it gives is then linear in the first. */
export const isGated: { readonly [A in Activation]: boolean } = {
  gelu: false,
  geluTanh: false,
  swiglu: true,
  geglu: true,
  relu: false,
  relu2: false,
};
/** Two (or, gated, three) projections C -> F -> C; the one that writes to the residual stream starts smaller. */
export const feedForwardSpec = (
  width: number,
  hidden: number,
  activation: Activation,
  bias: boolean,
  deviation: number,
  residualDeviation: number,
): FeedForwardSpec => ({
  up: linearSpec(width, hidden, deviation, bias, "columns"),
  ...(isGated[activation] ? { gate: linearSpec(width, hidden, deviation, bias, "columns") } : {}),
  down: linearSpec(hidden, width, residualDeviation, bias, "rows"),
});
const bends: { readonly [A in Activation]: (up: Tensor, gate: Tensor | undefined) => Tensor } = {
  gelu: up => gelu(up),
  geluTanh: up => gelu(up, "tanh"),
  swiglu: (up, gate) => mul(silu(gate!), up), // Shazeer 2020
  geglu: (up, gate) => mul(gelu(gate!, "tanh"), up), // the same; Gemma's and T5 1.1's form of GELU
  relu: up => relu(up),
  relu2: up => squaredRelu(up),
};
/** x [..., C] -> [..., C]. */
export function feedForward(activation: Activation, p: FeedForward | JoinedFeedForward, x: Tensor): Tensor {
  const bend = bends[activation];
  if (!("joined" in p)) return linear(p.down, bend(linear(p.up, x), p.gate ? linear(p.gate, x) : undefined));
  const both = linear(p.joined, x);
  const hidden = both.shape.at(-1)! / 2;
  const [gate, up] = adaptedParts(x, both, [
    [hidden, p.gate],
    [hidden, p.up],
  ]) as [Tensor, Tensor];
  return linear(p.down, bend(up, gate));
}

/** A part of a batch whose rows are several runs of equal length, such as chosen and rejected answers: the same part of each run. */
interface SidedPart {
  /** Which of the equal parts of a run. */
  readonly part: number;
  /** Runs of the batch, and rows of each. */
  readonly sides: number;
  readonly rows: number;
}
/** Which of the equal parts of a batch's rows is meant. */
export type RowPart = number | SidedPart;

/** Where dropout draws from: a seed of the step (i32 scalar) and a counter that gives each place in the model its own stream. */
export interface Dropout {
  readonly rate: number;
  readonly seed: Tensor;
  /** Which part of a batch's rows x holds (default 0): each row draws what it would draw in the whole batch. */
  readonly part: RowPart;
  next(): number;
}
/** Streams are numbered from `first` on. */
export function dropoutFrom(rate: number, seed: Tensor, first = 0, part: RowPart = 0): Dropout {
  checkShape("dropout.seed", seed, "");
  let stream = first;
  return { rate, seed, part, next: () => stream++ };
}
/** What x's elements draw. A number depends on its position alone: rows of other parts are not drawn. */
function drawnFor({ seed, part, next }: Dropout, { shape }: Tensor): Tensor {
  const [rows = 1, ...row] = shape;
  const stream = next();
  const window = (of: number, start: number, size: number) =>
    randomUniform(seed, [size, ...row], stream, { of: [of, ...row], start: [start, ...row.map(() => 0)], size: [size, ...row] });
  if (typeof part === "object") {
    const own = rows / part.sides;
    const starts = Array.from({ length: part.sides }, (_, side) => side * part.rows + part.part * own);
    return concat(
      starts.map(start => window(starts.at(-1)! + own, start, own)),
      0,
    );
  }
  return part === 0 ? randomUniform(seed, shape, stream) : window((part + 1) * rows, part * rows, rows);
}
/** Zeroes elements with probability `rate` and scales the rest up, so the mean stays (Srivastava et al. 2014). Without `d`: x itself. */
export function dropout(d: Dropout | undefined, x: Tensor): Tensor {
  if (!d || d.rate === 0) return x;
  const keep = cast(lessEqual(d.rate, drawnFor(d, x)), x.dtype);
  return mul(x, mul(keep, 1 / (1 - d.rate)));
}
