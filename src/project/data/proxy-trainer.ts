/**
 * Small models for `loam data effect`: a decoder of well under a million weights, trained by the same loop, optimiser and packing as any model
 * of Loam, for a few hundred steps. Texts are cut by one tokenizer for all; nothing is recorded.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hashOf, type Json } from "../../base/index.ts";
import type { ProxyTrainer } from "../../data/index.ts";
import { countParameters, decoderSpec, disposeTree } from "../../nn/index.ts";
import type { Device } from "../../tensor/index.ts";
import { endToken, type Tokenizer } from "../../text/index.ts";
import { decoderConfigOf, modelPart, pretrain, recipeSchema, stepsOf, type TokenShards, tokensPerStep } from "../../train/index.ts";
import { decoderScorer } from "./scorer.ts";

/** The quick model of examples/mail at a third of its size: what trains well there trains well here. */
const architecture = modelPart.parse({
  family: "llama",
  layers: 2,
  width: 128,
  heads: 2,
  hidden: 512,
  context: 256,
  tied: true,
  activation: "relu2",
  qkNorm: true,
});
export const proxyVocab = 2048;

interface ProxyParts {
  readonly device: Device;
  readonly tokenizer: Tokenizer;
  /** Tokens a training. */
  readonly tokens: number;
  readonly signal: AbortSignal;
}

interface Proxy extends ProxyTrainer {
  /** Its shape, the training and where it runs: with the texts, the tokenizer and the seed, what a model follows from. */
  readonly identity: Json;
  readonly parameters: number;
  readonly steps: number;
  /** Tokens of texts: what an epoch of them is. */
  count(texts: readonly string[]): number;
  /** Milliseconds a training step takes here: a few are made. */
  stepMs(texts: readonly string[]): Promise<number>;
}

const recipeOf = (tokens: number, seed: number) =>
  recipeSchema.parse({
    tokens,
    rows: 8,
    length: architecture.context,
    optimizer: { kind: "muon", adamFactor: 0.6 },
    rate: 0.02,
    seed,
    // Evaluated by those who asked for the model, and never resumed.
    evaluateEvery: 1_000_000,
    evaluateBatches: 1,
    checkpointSeconds: 1e9,
  });

/** Steps that are timed before anything begins; the first ones warm up. */
const timedSteps = 8;

export function proxyTrainer({ device, tokenizer, tokens, signal }: ProxyParts): Proxy {
  const config = decoderConfigOf(architecture, tokenizer.vocabSize);
  const end = tokenizer.specials.get(endToken)!;
  const cuts = new WeakMap<readonly string[], TokenShards>();
  /** Both sides are asked for with every seed: their texts are cut once. */
  const shardsOf = (texts: readonly string[]): TokenShards => {
    const known = cuts.get(texts);
    if (known) return known;
    const pieces = texts.map(t => tokenizer.encode(t, { addSpecialTokens: false, readSpecialTokens: false }));
    const offsets = new Float64Array(pieces.length + 1);
    pieces.forEach((p, i) => {
      offsets[i + 1] = offsets[i]! + p.length;
    });
    const all = new Uint16Array(offsets.at(-1)!);
    pieces.forEach((p, i) => {
      all.set(p, offsets[i]!);
    });
    const shards = { tokens: all, offsets };
    cuts.set(texts, shards);
    return shards;
  };

  async function run(texts: readonly string[], seed: number, amount: number, onProgress?: (done: number) => void) {
    const folder = mkdtempSync(join(tmpdir(), "loam-effect-"));
    const recipe = recipeOf(amount, seed);
    const train = shardsOf(texts);
    try {
      return await pretrain({
        device,
        model: config,
        recipe,
        train,
        heldOut: train,
        end,
        identity: hashOf({ config, recipe }),
        folder,
        progress: e => onProgress?.(e.done ?? 0),
        signal,
      });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  return {
    identity: hashOf({ config, recipe: recipeOf(tokens, 0), device: device.name }),
    parameters: countParameters(decoderSpec(config)),
    steps: stepsOf(recipeOf(tokens, 1)),
    count: texts => shardsOf(texts).tokens.length,
    async stepMs(texts) {
      const { parameters, nativeMs, steps } = await run(texts, 1, timedSteps * tokensPerStep(recipeOf(tokens, 1)));
      disposeTree(parameters);
      return nativeMs / (steps + 1 / 3);
    },
    async train(texts, seed, onProgress) {
      const { parameters } = await run(texts, seed, tokens, onProgress);
      const scorer = decoderScorer({ device, config, parameters, tokenizer, end, signal });
      return {
        score: asked => scorer.score(asked),
        [Symbol.dispose]() {
          scorer[Symbol.dispose]();
          disposeTree(parameters);
        },
      };
    },
  };
}
