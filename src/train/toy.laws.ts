/** For tests: a language with structure that a tiny model learns in a second: sentences of a small grammar, as token ids. */
import { random } from "../base/index.ts";
import { type DecoderConfig, llamaConfig } from "../nn/index.ts";
import type { Device } from "../tensor/index.ts";
import type { TokenShards } from "./packing.ts";
import { type PretrainRecipe, type PretrainRecipeInput, recipeSchema } from "./part.ts";
import type { PretrainOptions } from "./pretrain.ts";

/** 0 ends a document; a subject (1-8) fixes its verb (9-16), an object (17-24) follows, any length of such triples. */
export const toyVocab = 25;
export const toyEnd = 0;

export function toyShards(seed: string, count: number): TokenShards {
  const r = random(seed);
  const documents = Array.from({ length: count }, () =>
    Array.from({ length: 1 + r.below(5) }, () => {
      const subject = 1 + r.below(8);
      return [subject, subject + 8, 17 + r.below(8)];
    }).flat(),
  );
  const offsets = Uint32Array.from({ length: count + 1 }, (_, i) => documents.slice(0, i).reduce((s, d) => s + d.length, 0));
  return { tokens: Uint16Array.from(documents.flat()), offsets, ids: documents.map((_, i) => `toy:${i}`) };
}

export const toyModel: DecoderConfig = llamaConfig({ vocab: toyVocab, width: 32, layers: 2, heads: 4, context: 32 });
export const toyRecipe = (over: Partial<PretrainRecipeInput> = {}): PretrainRecipe =>
  recipeSchema.parse({
    tokens: 40 * 8 * 32,
    rows: 8,
    length: 32,
    rate: 0.02,
    evaluateEvery: 10,
    evaluateBatches: 2,
    logEvery: 5,
    checkpointSeconds: 0,
    attentionBlock: 16,
    schedule: { warmup: 4 },
    ...over,
  });

/** Options of toy runs on a device, each in a folder of its own. */
export const toyRuns =
  (device: Device, folder: () => string) =>
  (recipe: PretrainRecipe, over: Partial<PretrainOptions> = {}): PretrainOptions => ({
    device,
    model: toyModel,
    recipe,
    train: toyShards("train", 300),
    heldOut: toyShards("held-out", 40),
    end: toyEnd,
    identity: "f".repeat(64),
    folder: folder(),
    progress: () => {},
    now: () => 0,
    ...over,
  });
