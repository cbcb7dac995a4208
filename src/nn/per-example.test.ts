/** Gradients of single examples, of every family of models: equal to a loop over the examples. In float64, by the reference evaluator. */
import { describe, expect, test } from "vitest";
import { random, type Tree, treeFrom, treeLeaves, treePaths } from "../base/index.ts";
import {
  add,
  checkpoint,
  constant,
  div,
  type ExampleOwners,
  evaluate,
  gather,
  grad,
  graphOf,
  input,
  matmul,
  max,
  mean,
  mul,
  neg,
  perExample,
  simplify,
  slice,
  sub,
  sum,
  type Tensor,
  tanh,
} from "../tensor/index.ts";
import { textLogits, withClassifier } from "./classifier.ts";
import { type Decoder, type DecoderConfig, decoderLogits, decoderSpec, gpt2Config, llamaConfig } from "./decoder.ts";
import { bertConfig, type Encoder, encoderSpec } from "./encoder.ts";
import { type EncoderDecoder, encoderDecoderConfig, encoderDecoderSpec, encodeSource, targetLogits } from "./encoder-decoder.ts";
import type { ModelConfig } from "./families.ts";
import { dropoutFrom } from "./layers.ts";
import { crossEntropy, negativeLogLikelihood } from "./losses.ts";
import { ParameterSpec } from "./parameters.ts";

const [rows, length, vocab] = [3, 6, 11];
const small = { vocab, width: 8, layers: 2, heads: 2, context: 8, hidden: 12 };
type Batch = Record<"tokens" | "targets" | "weights" | "positions" | "segments" | "label" | "present", Tensor>;
type Ids = readonly (readonly number[])[];

/** Who owns which token, and what a row of tokens looks like. */
const values = (() => {
  const r = random("per-example");
  const ints = (n: number, below: number) => Float64Array.from({ length: n }, () => r.below(below));
  const n = rows * length;
  return {
    tokens: ints(n, vocab),
    targets: ints(n, vocab),
    weights: Float64Array.from({ length: n }, () => 0.5 + r.uniform()),
    positions: Float64Array.from({ length: n }, (_, i) => i % length),
    segments: new Float64Array(n),
    label: ints(rows, 3),
    present: Float64Array.from({ length: n }, (_, i) => (i % length < 4 + (i % 2) ? 1 : 0)),
  };
})();

interface Case<S> {
  readonly specs: S;
  readonly loss: (p: never, b: Batch) => Tensor;
  /** Example of each row or token; rows are examples where absent. */
  readonly of?: readonly number[] | Ids;
  readonly span?: number;
}

/** Squared norms, products and a weighted sum, by the rules and by a loop; the greatest difference. */
function expectEqualToLoop<S>({ specs, loss, of, span }: Case<S>): void {
  const leaves = treePaths<ParameterSpec>(specs as Tree<ParameterSpec>);
  const inputs = leaves.map(([path, { shape }]) => input(path, shape));
  const r = random("parameters");
  const given = new Map<Tensor, Float64Array>(inputs.map(t => [t, Float64Array.from({ length: t.size }, () => 0.4 * r.normal())]));
  const parameters = treeFrom(specs as Tree<ParameterSpec>, inputs);
  const isPacked = of !== undefined && Array.isArray(of[0]);
  const flat = of?.flat() ?? Array.from({ length: rows }, (_, i) => i);
  const count = Math.max(...flat) + 1;
  const shape = isPacked ? [rows, length] : [rows];
  const batchInput = (name: keyof Batch) => {
    const t = input(name, name === "label" ? [rows] : [rows, length], name === "weights" ? "f32" : "i32");
    given.set(t, name === "segments" && isPacked ? Float64Array.from(flat) : values[name]);
    return t;
  };
  const names = ["tokens", "targets", "weights", "positions", "segments", "label", "present"] as const;
  const batch = Object.fromEntries(names.map(name => [name, batchInput(name)])) as Batch;
  const ids = constant(Int32Array.from(flat), "i32", shape);
  const examples = (): ExampleOwners => (of ? { of: ids, count, ...(span ? { span } : {}) } : {});
  const factors = Array.from({ length: count }, (_, i) => 0.5 + 0.25 * i);
  const g = perExample(loss as (p: Tree<Tensor>, b: Batch) => Tensor, examples)(parameters, batch);
  const norms = g.squaredNorms();
  const dots = g.dots();
  const weighted = treeLeaves<Tensor>(g.weightedSum(constant(factors)));
  const drawn = random("directions");
  const normals = (n: number) => Float32Array.from({ length: n }, () => drawn.normal());
  const directions = inputs.map(t => normals(t.size));
  const along = g.along(
    treeFrom(
      specs as Tree<ParameterSpec>,
      inputs.map((t, i) => constant(directions[i]!, "f32", t.shape)),
    ),
  );
  const seen = inputs.map(t => {
    const columns = t.shape.at(-1) ?? 1;
    return { left: normals((t.size / columns) * 2), right: normals(columns * 3), columns };
  });
  const sketches = g.sketches(
    seen.map(({ left, right, columns }) => ({
      left: constant(left, "f32", [left.length / 2, 2]),
      right: constant(right, "f32", [columns, 3]),
    })),
  );
  const own = Array.from({ length: count }, (_, e) => {
    const mine = constant(
      Float32Array.from(flat, id => (id === e ? 1 : 0)),
      "f32",
      [...shape, ...(isPacked ? [] : [1])],
    );
    return treeLeaves<Tensor>(
      grad((p: Tree<Tensor>, b: Batch) => (loss as (p: Tree<Tensor>, b: Batch) => Tensor)(p, { ...b, weights: mul(b.weights, mine) }))(
        parameters,
        batch,
      ),
    );
  });
  const graph = simplify(
    graphOf([...inputs, ...Object.values(batch)] as Tensor<"input">[], [norms, dots, ...weighted, ...own.flat(), along, sketches]),
  );
  const found = evaluate(graph.outputs, given, { exact: true });
  const gradients = own.map((_, e) => found.slice(2 + leaves.length * (1 + e), 2 + leaves.length * (2 + e)));
  const dot = (a: number, b: number) => gradients[a]!.reduce((s, x, i) => x.reduce((t, v, j) => t + v * gradients[b]![i]![j]!, s), 0);
  const scale = Math.max(...gradients.map((_, e) => dot(e, e)));
  expect(scale).toBeGreaterThan(1e-6);
  const [alongFound, sketchFound] = found.slice(-2) as [Float64Array, Float64Array];
  gradients.forEach((gradient, e) => {
    const want = gradient.reduce((s, x, i) => x.reduce((t, v, j) => t + v * directions[i]![j]!, s), 0);
    expect(Math.abs(alongFound[e]! - want) / Math.sqrt(scale), `along a direction, example ${e}`).toBeLessThan(1e-7);
    for (let a = 0; a < 2; a++)
      for (let b = 0; b < 3; b++) {
        const sketch = gradient.reduce((s, x, i) => {
          const { left, right, columns } = seen[i]!;
          return x.reduce((t, v, j) => t + v * left[Math.floor(j / columns) * 2 + a]! * right[(j % columns) * 3 + b]!, s);
        }, 0);
        expect(Math.abs(sketchFound[e * 6 + a * 3 + b]! - sketch) / Math.sqrt(scale), `sketch of example ${e}`).toBeLessThan(1e-7);
      }
  });
  gradients.forEach((_, a) => {
    expect(Math.abs(found[0]![a]! - dot(a, a)) / scale, `norm of example ${a}`).toBeLessThan(1e-9);
    gradients.forEach((__, b) => {
      expect(Math.abs(found[1]![a * count + b]! - dot(a, b)) / scale, `product of ${a} and ${b}`).toBeLessThan(1e-9);
    });
  });
  leaves.forEach(([path], i) => {
    found[2 + i]!.forEach((x, j) => {
      const want = gradients.reduce((s, own, e) => s + factors[e]! * own[i]![j]!, 0);
      expect(Math.abs(x - want) / Math.sqrt(scale), path).toBeLessThan(1e-9);
    });
  });
}

const next =
  (config: DecoderConfig, o: { readonly rematerialise?: boolean } = {}) =>
  (p: Decoder, b: Batch): Tensor =>
    crossEntropy(decoderLogits(config, p, b.tokens, { positions: b.positions, segments: b.segments, ...o }), b.targets, b.weights, 1 / 7);

const gpt = gpt2Config(small);
const llama = llamaConfig({ ...small, heads: 4, kvHeads: 2, hidden: 12 });
const decoders: Readonly<Record<string, DecoderConfig>> = {
  "gpt, tied": gpt,
  "gpt, untied": { ...gpt, tied: false },
  "llama, untied, shared keys": llama,
  "llama, tied, norms of queries and keys": { ...llama, tied: true, qkNorm: true },
  "gemma: norms behind, caps, scaled embeddings, windows": {
    ...llama,
    tied: true,
    postNorm: true,
    scoreCap: 5,
    logitCap: 4,
    embeddingScale: 2,
    activation: "geglu",
    window: 3,
    windowLayers: [0],
  },
};
const packed: Ids = [
  [0, 0, 0, 1, 1, 2],
  [3, 3, 4, 4, 4, 4],
  [5, 5, 5, 5, -1, -1],
];

describe.each(Object.entries(decoders))("%s", (_, config) => {
  const specs = decoderSpec(config);
  const loss = next(config);
  test("examples that are rows", () => expectEqualToLoop({ specs, loss }));
  test("examples that are packed segments", () => expectEqualToLoop({ specs, loss, of: packed }));
  test("a person's examples are rows side by side", () => expectEqualToLoop({ specs, loss, of: [0, 1, 1], span: 2 }));
});

test("a person's segments lie in several rows", () => {
  const of = [
    [0, 0, 0, 1, 1, 2],
    [2, 2, 3, 3, 0, 0],
    [3, 3, 3, 3, -1, 0],
  ];
  expectEqualToLoop({ specs: decoderSpec(gpt), loss: next(gpt), of, span: 3 });
});

test("blocks that are computed again in the backward pass", () =>
  expectEqualToLoop({ specs: decoderSpec(gpt), loss: next(gpt, { rematerialise: true }), of: packed }));

const classes = { labels: ["a", "b", "c"], kind: "one" } as const;
const classifiers: Readonly<Record<string, ModelConfig>> = {
  "an encoder's first token": { family: "encoder", config: { ...bertConfig(small), classifier: classes } },
  "an encoder's mean": { family: "encoder", config: { ...bertConfig(small), classifier: { ...classes, pooling: "mean" } } },
  "a decoder's last token": withClassifier({ family: "decoder", config: gpt }, classes),
  "a decoder's mean": withClassifier({ family: "decoder", config: llama }, { ...classes, pooling: "mean" }),
};
describe.each(Object.entries(classifiers))("classes by %s", (_, model) => {
  if (model.family === "encoder-decoder") return;
  const specs = model.family === "encoder" ? encoderSpec(model.config) : decoderSpec(model.config);
  // the weight of a text is that of its first token
  const loss = (p: Encoder | Decoder, b: Batch) => {
    const nll = negativeLogLikelihood(textLogits(model, p, b.tokens, b.present), b.label);
    return sum(mul(nll, div(sum(b.weights, 1), 9)));
  };
  test("examples that are rows", () => expectEqualToLoop({ specs, loss }));
  test("a person's examples are rows side by side", () => expectEqualToLoop({ specs, loss, of: [0, 0, 1], span: 2 }));
});

test.each([
  ["learned positions", undefined],
  ["relative positions", { buckets: 4, farthest: 6 }],
] as const)("an encoder and a decoder with %s", (_, relative) => {
  const config = { ...encoderDecoderConfig(small), ...(relative ? { relative } : {}) };
  const loss = (p: EncoderDecoder, b: Batch) =>
    crossEntropy(targetLogits(config, p, encodeSource(config, p, b.tokens), b.targets), b.targets, b.weights, 0.2);
  expectEqualToLoop({ specs: encoderDecoderSpec(config), loss });
});

test("parameters in other places: products of two, columns, single numbers, part of an array, in front of the rows", () => {
  const spec = (shape: number[]) => new ParameterSpec(shape, { kind: "constant", value: 0 }, { decays: false, isHidden: false });
  const specs = {
    table: spec([vocab, 4]),
    down: spec([3, vocab]),
    up: spec([3, 4]),
    one: spec([]),
    columns: spec([length, 1]),
    grid: spec([4, vocab]),
  };
  type P = Record<keyof typeof specs, Tensor>;
  const loss = (p: P, b: Batch) => lossOfOddPlaces(p, b);
  expectEqualToLoop({ specs, loss });
  expectEqualToLoop({ specs, loss, of: packed });
});

/** Every way that a parameter gets into a program other than a layer's. */
function lossOfOddPlaces(p: Record<"table" | "down" | "up" | "one" | "columns" | "grid", Tensor>, b: Batch): Tensor {
  const table = add(p.table, matmul(p.down, p.up, { transposeA: true, alpha: 0.7 }));
  const x = mul(gather(table, b.tokens), p.one);
  const y = checkpoint((h: Tensor) => tanh(add(h, p.columns)))(x);
  const logits = add(matmul(y, slice(mul(p.grid, 1.5), [0, 4])), neg(matmul(y, table, { transposeB: true })));
  return crossEntropy(logits, b.targets, b.weights, 1 / 3);
}

describe("a program that mixes rows is refused, by the operation that does", () => {
  const w = input("w", [4, vocab]);
  const batch = { x: input("x", [rows, 4]), targets: input("targets", [rows], "i32"), weights: input("weights", [rows]) };
  type Given = typeof batch;
  const nll = (p: { w: Tensor }, x: Tensor, b: Given) => mul(negativeLogLikelihood(matmul(x, p.w), b.targets), b.weights);
  const refused = (loss: (p: { w: Tensor }, b: Given) => Tensor, place: RegExp) =>
    expect(() => perExample(loss)({ w }, batch).squaredNorms()).toThrow(place);
  test("a norm over the batch", () => refused((p, b) => sum(nll(p, sub(b.x, mean(b.x, 0, true)), b)), /^sub/));
  test("a loss over the drawn weight", () => refused((p, b) => div(sum(nll(p, b.x, b)), sum(b.weights)), /^div/));
  test("products of rows with each other", () =>
    refused((p, b) => sum(nll(p, matmul(matmul(b.x, b.x, { transposeB: true }), b.x), b)), /^matmul/));
  test("other rows by their number", () => refused((p, b) => sum(nll(p, gather(b.x, b.targets), b)), /^gather/));
  test("a penalty on parameters", () => refused((p, b) => add(sum(nll(p, b.x, b)), sum(mul(p.w, p.w))), /^add/));
  test("a part of the rows", () => refused((p, b) => sum(slice(nll(p, b.x, b), [0, 2])), /^slice/));
  test("a norm over half a batch", () => refused((p, b) => sum(nll(p, sub(b.x, max(b.x, 0, true)), b)), /^max/));
  test("tokens that have part in a pooled state, where examples are packed", () => {
    const of = constant(new Int32Array(rows * 4), "i32", [rows, 4]);
    const loss = (p: { w: Tensor }, b: Given) => sum(nll(p, mul(b.x, sum(b.x, 1, true)), b));
    expect(() => perExample(loss, () => ({ of, count: 1 }))({ w }, batch).squaredNorms()).toThrow(/tokens of a row/);
  });
});

test("norms of bf16 parameters are summed in f32", () => {
  const w = input("w", [4, vocab], "bf16");
  const x = input("x", [rows, 4], "bf16");
  const g = perExample((p: { w: Tensor }, b: { x: Tensor }) => sum(tanh(matmul(b.x, p.w))))({ w }, { x });
  expect(g.squaredNorms().dtype).toBe("f32");
  expect(g.weightedSum(constant([1, 1, 1])).w.dtype).toBe("f32");
});

test("dropout draws for the whole batch, and each example keeps its own draw", () => {
  const seed = constant(3, "i32");
  const loss = (p: Decoder, b: Batch) =>
    crossEntropy(decoderLogits(gpt, p, b.tokens, { dropout: dropoutFrom(0.3, seed) }), b.targets, b.weights, 1);
  expectEqualToLoop({ specs: decoderSpec(gpt), loss });
});
