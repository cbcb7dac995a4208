/**
 * Gradients of single texts, as attributions to training texts need them: one text's gradient as a tree, dot products of many texts' gradients with such
 * trees, and random low-rank sketches. Texts go in batches of one width, so memory is bounded by a batch whatever the data.
 */
import { random, type Tree, treeFrom, treePaths } from "../../base/index.ts";
import { type ModelConfig, type ParameterSpec, specOfModel } from "../../nn/index.ts";
import { concat, type Device, type DeviceArray, grad, perExample, reshape, sizeOf, sum, type Tensor } from "../../tensor/index.ts";
import { type TreeProgram, treeProgram } from "../../train/index.ts";
import { layTexts, type TextBatch, textBatches, widthsOf } from "../text-head/batches.ts";
import type { TextMeasure } from "./measures.ts";

/** Texts as tokens, with the index of each one's class (0 where the measure reads none). */
export interface AttributedTexts {
  readonly tokens: readonly ArrayLike<number>[];
  readonly labels: ArrayLike<number>;
}

export interface TextGradientsOptions {
  readonly device: Device;
  readonly model: ModelConfig;
  /** What of a text is differentiated. */
  readonly measure: TextMeasure;
  /** Longest text, tokens. */
  readonly longest: number;
  /** Texts a batch (default 32). */
  readonly rows?: number;
  /** Parameters that count, by path; default all. */
  readonly isCounted?: ((path: string) => boolean) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number) => void) | undefined;
}

/** Sketches of texts' gradients, a row a text, and each text's measure. */
export interface TextSketches {
  readonly size: number;
  readonly rows: readonly Float64Array[];
  readonly measures: Float64Array;
}

type Arrays = Readonly<Record<string, DeviceArray>>;
type Tensors = Readonly<Record<string, Tensor>>;
interface Batch {
  readonly tokens: Tensor;
  readonly present: Tensor;
  readonly labels: Tensor;
}
interface Factor<T> {
  readonly left: T;
  readonly right: T;
}

export interface TextGradients {
  /** Dot products of the gradients: [texts of `of`][texts of `on`]. `parameters`: the model's arrays, a tree. */
  dots(parameters: unknown, of: AttributedTexts, on: AttributedTexts): Promise<Float64Array[]>;
  /** Sketches of `side` x `side` numbers, random factors by the seed. */
  sketches(parameters: unknown, texts: AttributedTexts, side: number, seed: number | string): Promise<TextSketches>;
  dispose(): void;
}

/** Directions that one pass goes along. */
const directionsAtOnce = 8;

/** Entries +-1 over the root of their number: E[left left^T] = 1. */
function signs(rows: number, columns: number, seed: string): Float32Array {
  const r = random(seed);
  const size = 1 / Math.sqrt(columns);
  return Float32Array.from({ length: rows * columns }, () => (r.u32() & 1 ? size : -size));
}

/** Columns of the left and the right factor of a parameter [K, C]: a vector has no rows to mix, so its columns get all of them. */
const sidesOf = (k: number, side: number): readonly [number, number] => (k === 1 ? [1, side * side] : [side, side]);

/** Factors of each parameter's gradient. The caller's. */
async function factorsOf(shapes: readonly (readonly [string, readonly number[]])[], side: number, seed: number | string, device: Device) {
  const list: Factor<DeviceArray>[] = [];
  for (const [path, shape] of shapes) {
    const c = shape.at(-1) ?? 1;
    const k = sizeOf(shape) / c;
    const [a, b] = sidesOf(k, side);
    const left = k === 1 ? Float32Array.of(1) : signs(k, a, `${seed}/${path}/left`);
    list.push({
      left: await device.array(left, "f32", [k, a]),
      right: await device.array(signs(c, b, `${seed}/${path}/right`), "f32", [c, b]),
    });
  }
  return list;
}

class Programs implements TextGradients {
  readonly #o: TextGradientsOptions;
  readonly #specs: Tree<ParameterSpec>;
  readonly #paths: readonly string[];
  readonly #counted: readonly (readonly [string, readonly number[]])[];
  readonly #rows: number;
  readonly #gradient: TreeProgram<Arrays>;
  readonly #along: TreeProgram<DeviceArray>;
  readonly #sketch: TreeProgram<{ readonly sketches: DeviceArray; readonly measures: DeviceArray }>;

  constructor(o: TextGradientsOptions) {
    this.#o = o;
    this.#rows = o.rows ?? 32;
    // of any family: a tree of specifications, whatever its type is called
    this.#specs = specOfModel(o.model) as unknown as Tree<ParameterSpec>;
    const leaves = treePaths<ParameterSpec>(this.#specs);
    this.#paths = leaves.map(([path]) => path);
    this.#counted = leaves.flatMap(([path, { shape }]) => ((o.isCounted?.(path) ?? true) ? [[path, shape] as const] : []));
    const each = (counted: Tensors, b: Batch, still: Tensors) => {
      const tree = treeFrom(
        this.#specs,
        this.#paths.map(p => counted[p] ?? still[p]!),
      );
      return o.measure(o.model, tree, b);
    };
    const total = (counted: Tensors, b: Batch, still: Tensors) => sum(each(counted, b, still));
    const { device } = o;
    const options = { device, fuse: true, attention: true } as const;
    this.#gradient = treeProgram((b: Batch, counted: Tensors, still: Tensors) => grad(total)(counted, b, still), {
      ...options,
      name: "text gradient",
    });
    this.#along = treeProgram(
      (b: Batch, counted: Tensors, still: Tensors, ...directions: Tensors[]) => {
        const gradients = perExample(total)(counted, b, still);
        return concat(
          directions.map(d => reshape(gradients.along(d), [1, this.#rows])),
          0,
        );
      },
      { ...options, name: "along gradients" },
    );
    this.#sketch = treeProgram(
      (b: Batch, counted: Tensors, still: Tensors, factors: readonly Factor<Tensor>[]) => ({
        sketches: perExample(total)(counted, b, still).sketches(factors),
        measures: each(counted, b, still),
      }),
      { ...options, name: "sketches" },
    );
  }

  #divided(parameters: unknown): readonly [counted: Arrays, still: Arrays] {
    const names = new Set(this.#counted.map(([path]) => path));
    const arrays = treePaths<DeviceArray>(parameters as Tree<DeviceArray>);
    return [Object.fromEntries(arrays.filter(([p]) => names.has(p))), Object.fromEntries(arrays.filter(([p]) => !names.has(p)))];
  }

  async #laid<T>(
    { tokens, labels }: AttributedTexts,
    batch: TextBatch,
    rows: number,
    use: (b: Record<keyof Batch, DeviceArray>) => Promise<T>,
  ) {
    const { device } = this.#o;
    const laid = layTexts(tokens, batch, rows);
    const shape = [rows, batch.width];
    const own = Int32Array.from({ length: rows }, (_, i) => (i < batch.texts.length ? labels[batch.texts[i]!]! : 0));
    const arrays = {
      tokens: await device.array(laid.tokens, "i32", shape),
      present: await device.array(laid.present, "i32", shape),
      labels: await device.array(own, "i32", [rows]),
    };
    try {
      return await use(arrays);
    } finally {
      for (const a of Object.values(arrays)) a.dispose();
    }
  }

  /** Batches of texts from short to long, each laid out and given to `use`. */
  async #each(texts: AttributedTexts, use: (batch: TextBatch, arrays: Record<keyof Batch, DeviceArray>) => Promise<void>): Promise<void> {
    const lengths = texts.tokens.map(t => t.length);
    const order = Array.from(lengths.keys()).sort((a, b) => lengths[a]! - lengths[b]! || a - b);
    let done = 0;
    for (const batch of textBatches(lengths, order, widthsOf(this.#o.longest), this.#rows)) {
      this.#o.signal?.throwIfAborted();
      await this.#laid(texts, batch, this.#rows, arrays => use(batch, arrays));
      done += batch.texts.length;
      this.#o.onProgress?.(done / lengths.length);
    }
  }

  async #gradientOf(texts: AttributedTexts, text: number, trees: readonly [Arrays, Arrays]): Promise<Arrays> {
    const width = widthsOf(this.#o.longest).find(w => w >= texts.tokens[text]!.length) ?? this.#o.longest;
    return this.#laid(texts, { width, texts: [text] }, 1, b => this.#gradient.with({}, b, ...trees));
  }

  async dots(parameters: unknown, of: AttributedTexts, on: AttributedTexts): Promise<Float64Array[]> {
    const trees = this.#divided(parameters);
    const found = of.tokens.map(() => new Float64Array(on.tokens.length));
    for (let from = 0; from < found.length; from += directionsAtOnce) {
      const count = Math.min(directionsAtOnce, found.length - from);
      const directions: Arrays[] = [];
      try {
        for (let i = 0; i < count; i++) directions.push(await this.#gradientOf(of, from + i, trees));
        await this.#each(on, async (batch, arrays) => {
          const out = await this.#along.with({}, arrays, ...trees, ...directions);
          const numbers = await out.numbers();
          out.dispose();
          for (let i = 0; i < count; i++)
            for (const [row, text] of batch.texts.entries()) found[from + i]![text] = numbers[i * this.#rows + row]!;
        });
      } finally {
        for (const d of directions) for (const a of Object.values(d)) a.dispose();
      }
    }
    return found;
  }

  async sketches(parameters: unknown, texts: AttributedTexts, side: number, seed: number | string): Promise<TextSketches> {
    const trees = this.#divided(parameters);
    const size = side * side;
    const rows = texts.tokens.map(() => new Float64Array(size));
    const measures = new Float64Array(rows.length);
    const factors = await factorsOf(this.#counted, side, seed, this.#o.device);
    try {
      await this.#each(texts, async (batch, arrays) => {
        const out = await this.#sketch.with({}, arrays, ...trees, factors);
        const [numbers, own] = [await out.sketches.numbers(), await out.measures.numbers()];
        out.sketches.dispose();
        out.measures.dispose();
        for (const [row, text] of batch.texts.entries()) {
          rows[text]!.set(Array.from(numbers.subarray(row * size, (row + 1) * size)));
          measures[text] = own[row]!;
        }
      });
    } finally {
      for (const { left, right } of factors) for (const a of [left, right]) a.dispose();
    }
    return { size, rows, measures };
  }

  dispose(): void {
    for (const program of [this.#gradient, this.#along, this.#sketch]) program.dispose();
  }
}

export const openTextGradients = (o: TextGradientsOptions): TextGradients => new Programs(o);
