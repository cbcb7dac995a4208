/**
 * A decoder's score and its gradient with respect to the embeddings of the prompt, a block at a time: one program for all blocks forward and
 * one backward, which computes its block again. So every run is short (a server can let others go between two of them), the programs are small,
 * and the parameters are the arrays that are served. Attention is causal, so padding behind the tokens changes nothing.
 */
import { defined } from "../../base/index.ts";
import {
  add,
  type Compiled,
  compile,
  type Device,
  type DeviceArray,
  gather,
  grad,
  logSumExp,
  mean,
  mul,
  reshape,
  slice,
  sub,
  sum,
  type Tensor,
  takeAlong,
  valueAuxAndGrad,
} from "../../tensor/index.ts";
import {
  type Decoder,
  type DecoderBlock,
  type DecoderConfig,
  type DecoderSpec,
  decoderBlock,
  hasWindow,
  scaledEmbedding,
  unembed,
} from "../decoder.ts";
import type { ArraysOf } from "../parameters.ts";

/** What a target token is judged by. */
export const scoreKinds = ["logprob", "logit"] as const;
export type ScoreKind = (typeof scoreKinds)[number];

/** Lets a run happen when it is its turn; the slices of one caller come one after the other. */
export type TakeTurn = <T>(run: () => Promise<T>) => Promise<T>;

/** Targets whose scores are added up: the token at `index` of the text is judged by what stands before it. */
export interface TargetGroup {
  readonly indices: readonly number[];
}

/** What a prompt's embeddings are compared with: nothing, the mean of all tokens' embeddings, or one token's. */
export type Baseline = "zero" | "mean" | { readonly token: number };

/** Lengths that programs are built for: a text is padded by a third at most, and few programs are built. */
const lengths = [16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048];
const paddedLength = (length: number, context: number): number =>
  Math.min(context, lengths.find(n => n >= length) ?? Math.ceil(length / 1024) * 1024);

type Parameters = ArraysOf<DecoderSpec>;
type Tables = Pick<Decoder, "token" | "position">;
type Head = Pick<Decoder, "norm" | "output" | "token">;

/** A text on the device, and which of its tokens are the prompt. */
interface Text {
  readonly tokens: DeviceArray;
  /** 1 for tokens of the prompt, 0 for those of the answer and padding [1, T, 1]. */
  readonly share: DeviceArray;
  readonly baseline: DeviceArray;
  readonly length: number;
}

/** A block and its gradient; layers that see alike share them. */
interface BlockPrograms {
  readonly forward: Compiled<readonly [DecoderBlock, Tensor], Tensor>;
  readonly backward: Compiled<readonly [DecoderBlock, Tensor, Tensor], Tensor>;
}

interface Scored {
  readonly score: Tensor;
  readonly each: Tensor;
  readonly gradient: Tensor;
}

/** What is seen of one group of targets. */
export interface LayeredLook {
  readonly score: number;
  /** Of each target of the group. */
  readonly each: Float64Array;
  /** For each token, with gradients: gradient times embedding. */
  readonly input?: Float64Array;
  /** For each token, with gradients: gradient times what lies between baseline and embedding. */
  readonly path?: Float64Array;
}

const dispose = (...arrays: (DeviceArray | undefined)[]): void => {
  for (const a of arrays) a?.dispose();
};

export class LayeredGradient {
  readonly #config: DecoderConfig;
  readonly #parameters: Parameters;
  readonly #device: Device;
  readonly #start: Compiled<readonly [Tables, Tensor, Tensor, Tensor, Tensor], Tensor>;
  /** One a layer. */
  readonly #blocks: readonly BlockPrograms[];
  readonly #end: Compiled<readonly [Head, Tensor, Tensor, Tensor, Tensor], Scored>;
  readonly #dots: Compiled<readonly [Tensor, Tensor, Tensor, Tensor, Tensor], { input: Tensor; path: Tensor }>;
  readonly #mean: Compiled<readonly [Tensor], Tensor>;
  readonly #row: Compiled<readonly [Tensor, Tensor], Tensor>;

  constructor(config: DecoderConfig, parameters: Parameters, device: Device, kind: ScoreKind) {
    this.#config = config;
    this.#parameters = parameters;
    this.#device = device;
    // rotary angles for the positions of the text and no more
    const of = (x: Tensor): DecoderConfig => (config.positions === "rotary" ? { ...config, context: x.shape[1]! } : config);
    const embed = (token: Tensor, tokens: Tensor) => scaledEmbedding(config, gather(token, tokens));
    this.#start = compile(
      (p: Tables, tokens: Tensor, baseline: Tensor, share: Tensor, at: Tensor) => {
        const e = embed(p.token, tokens); // [1, T, C]
        // e + (at - 1) share (e - b): the input itself, to the bit, where at = 1 and where the token is not the prompt's
        const x = add(e, mul(mul(sub(at, 1), share), sub(e, baseline)));
        return p.position ? add(x, slice(p.position, [0, tokens.shape[1]!])) : x;
      },
      { device, name: "attribution start" },
    );
    const made = new Map<boolean, BlockPrograms>();
    this.#blocks = parameters.blocks.map((_, layer) => {
      const block = (b: DecoderBlock, x: Tensor) => decoderBlock(of(x), layer, b, x);
      const programs = made.get(hasWindow(config, layer)) ?? {
        forward: compile(block, { device, name: "attribution block" }),
        backward: compile((b: DecoderBlock, x: Tensor, d: Tensor) => grad((y: Tensor) => sum(mul(block(b, y), d)))(x), {
          device,
          name: "attribution block gradient",
        }),
      };
      made.set(hasWindow(config, layer), programs);
      return programs;
    });
    this.#end = compile(
      (p: Head, x: Tensor, places: Tensor, targets: Tensor, weights: Tensor) => {
        const scored = (y: Tensor) => {
          const states = gather(reshape(y, [y.shape[1]!, y.shape[2]!]), places); // [K, C]
          const logits = unembed(config, p, states);
          const own = takeAlong(logits, reshape(targets, [targets.size, 1]));
          const each = reshape(kind === "logit" ? own : sub(own, logSumExp(logits)), [targets.size]);
          return [sum(mul(each, weights)), each] as const;
        };
        const [score, each, gradient] = valueAuxAndGrad(scored)(x);
        return { score, each, gradient };
      },
      { device, name: "attribution end" },
    );
    this.#dots = compile(
      (token: Tensor, tokens: Tensor, baseline: Tensor, share: Tensor, d: Tensor) => {
        const e = embed(token, tokens);
        const dot = (y: Tensor) => reshape(sum(mul(mul(d, y), share), -1), [tokens.size]);
        return { input: dot(e), path: dot(sub(e, baseline)) };
      },
      { device, name: "attribution sums" },
    );
    this.#mean = compile((token: Tensor) => scaledEmbedding(config, mean(token, 0)), { device, name: "mean embedding" });
    this.#row = compile((token: Tensor, id: Tensor) => reshape(embed(token, id), [token.shape[1]!]), { device, name: "embedding" });
  }

  /** Lays a text out, padded; to be let go by `release`. */
  async text(tokens: readonly number[], promptLength: number, baseline: Baseline): Promise<Text> {
    const { width, context } = this.#config;
    const length = paddedLength(tokens.length, context);
    const { token } = this.#parameters;
    const at = async (id: number) => {
      const index = await this.#device.array(Int32Array.of(id), "i32", [1]);
      const row = await this.#row(token, index);
      dispose(index);
      return row;
    };
    return {
      length,
      tokens: await this.#device.array(
        Int32Array.from({ length }, (_, i) => tokens[i] ?? 0),
        "i32",
        [1, length],
      ),
      share: await this.#device.array(
        Float32Array.from({ length }, (_, i) => (i < promptLength ? 1 : 0)),
        "f32",
        [1, length, 1],
      ),
      baseline:
        baseline === "zero" ? await this.#device.zeros([width]) : baseline === "mean" ? await this.#mean(token) : await at(baseline.token),
    };
  }

  /** The text whose tokens at these places alone are what `share` moves: at share 0 they are the baseline. Its `share` is to be disposed of; the rest is the text's own. */
  async occluded(text: Text, places: readonly number[]): Promise<Text> {
    const moved = new Set(places);
    const share = Float32Array.from({ length: text.length }, (_, i) => (moved.has(i) ? 1 : 0));
    return { ...text, share: await this.#device.array(share, "f32", [1, text.length, 1]) };
  }

  release(text: Text): void {
    dispose(text.tokens, text.share, text.baseline);
  }

  /**
   * Scores of groups of targets at a share of the way from the baseline to the input; with `gradients` also, for each token, the gradient times
   * its embedding (`input`) and times what lies between baseline and embedding (`path`), summed over the width.
   */
  async at(
    text: Text,
    share: number,
    groups: readonly TargetGroup[],
    gradients: boolean,
    turn: TakeTurn,
    signal?: AbortSignal,
  ): Promise<LayeredLook[]> {
    const { blocks, token } = this.#parameters;
    const p = this.#parameters;
    const run = <T>(work: () => Promise<T>): Promise<T> => {
      signal?.throwIfAborted();
      return turn(work);
    };
    const with_ = signal ? { signal } : {};
    const tables = { token, ...defined({ position: p.position }) };
    const head = { norm: p.norm, token, ...defined({ output: p.output }) };
    const states: DeviceArray[] = [];
    const results: LayeredLook[] = [];
    try {
      states.push(await run(() => this.#start.with(with_, tables, text.tokens, text.baseline, text.share, share)));
      for (const [i, b] of blocks.entries()) states.push(await run(() => this.#blocks[i]!.forward.with(with_, b, states.at(-1)!)));
      for (const { indices } of groups) {
        const targets = await this.#targets(text, indices);
        const out = await run(() => this.#end.with(with_, head, states.at(-1)!, ...targets));
        dispose(...targets);
        let d: DeviceArray = out.gradient;
        try {
          const scored = { score: await out.score.item(), each: (await out.each.numbers()).subarray(0, indices.length) };
          if (!gradients) {
            results.push(scored);
            continue;
          }
          for (let i = blocks.length - 1; i >= 0; i--) {
            const next = await run(() => this.#blocks[i]!.backward.with(with_, blocks[i]!, states[i]!, d));
            dispose(d);
            d = next;
          }
          const dots = await run(() => this.#dots.with(with_, token, text.tokens, text.baseline, text.share, d));
          results.push({ ...scored, input: await dots.input.numbers(), path: await dots.path.numbers() });
          dispose(dots.input, dots.path);
        } finally {
          dispose(d, out.score, out.each);
        }
      }
      return results;
    } finally {
      dispose(...states);
    }
  }

  /** Places before the targets, the targets, and their weights; as many as the next power of two, so that few programs are built. */
  async #targets(text: Text, indices: readonly number[]): Promise<[DeviceArray, DeviceArray, DeviceArray]> {
    const size = 2 ** Math.ceil(Math.log2(indices.length));
    const ids = text.tokens.view();
    const ints = (f: (index: number) => number) =>
      this.#device.array(
        Int32Array.from({ length: size }, (_, k) => (k < indices.length ? f(indices[k]!) : 0)),
        "i32",
        [size],
      );
    return [
      await ints(i => i - 1),
      await ints(i => Number(ids[i]!)),
      await this.#device.array(
        Float32Array.from({ length: size }, (_, k) => (k < indices.length ? 1 : 0)),
        "f32",
        [size],
      ),
    ];
  }

  dispose(): void {
    const blocks = new Set(this.#blocks.flatMap(b => [b.forward, b.backward]));
    for (const program of [this.#start, ...blocks, this.#end, this.#dots, this.#mean, this.#row]) program.dispose();
  }
}
