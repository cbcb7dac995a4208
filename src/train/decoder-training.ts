/**
 * A decoder as it is trained: its own parameters, and what is dropped at the end. Multi-token prediction (Gloeckle et al. 2024, section 2) adds a block per
 * further token, over the states below the last block, with the same final norm and output table. A padded vocabulary has rows that no token has.
 */

import { defined, type Tree, treeLeaves } from "../base/index.ts";
import {
  type ArraysOf,
  type BlockSpec,
  crossEntropy,
  type DecoderConfig,
  type DecoderOptions,
  type DecoderSpec,
  decoderBlock,
  decoderSpec,
  decoderStates,
  dropoutFrom,
  repeat,
  type TensorsOf,
  unembed,
} from "../nn/index.ts";
import { add, cast, concat, constant, type Device, type DeviceArray, equal, mul, slice, type Tensor, zeros } from "../tensor/index.ts";
import { trainErrors } from "./errors.ts";
import type { PretrainRecipe } from "./part.ts";

/** A decoder's parameters in training. */
export interface TrainedSpec extends DecoderSpec {
  /** Blocks of further tokens. */
  readonly further?: readonly BlockSpec[];
}

export type DecoderBatch = { tokens: Tensor; targets: Tensor; segments: Tensor; positions: Tensor; weights: Tensor; seed: Tensor };

/** Parts of a recipe that the loss is a function of. */
type LossRecipe = Pick<PretrainRecipe, "dropout" | "attentionBlock"> &
  Partial<Pick<PretrainRecipe, "multiToken">> & {
    readonly rematerialise?: boolean;
    /** Which of the equal parts of a step's rows a batch holds (default 0), for dropout. */
    readonly part?: number | undefined;
  };

/** Parameters of a decoder in training. Errors: train/recipe for multi-token prediction of a single layer. */
export function trainedSpec(
  model: DecoderConfig,
  { multiToken, vocabMultiple = 1 }: Pick<PretrainRecipe, "multiToken" | "vocabMultiple">,
): TrainedSpec {
  const spec = decoderSpec({ ...model, vocab: vocabMultiple * Math.ceil(model.vocab / vocabMultiple) });
  if (!multiToken) return spec;
  if (model.layers < 2)
    throw trainErrors.fail("recipe", {
      place: "train.multiToken",
      expected: "a model of two layers at least: further tokens are predicted from the states below the last one",
      received: `${model.layers} layer`,
    });
  return { ...spec, further: repeat(multiToken.tokens - 1, () => spec.blocks[0]!) };
}

/** What a masked logit gets: exp of it is 0 in float32, and no sum with it overflows. */
const never = -1e9;

/** Logits whose padded ids are never chosen: no probability, no gradient. [..., V padded] */
function masked(logits: Tensor, vocab: number): Tensor {
  const padded = logits.shape.at(-1)!;
  if (padded === vocab) return logits;
  return add(
    logits,
    constant(
      Float32Array.from({ length: padded }, (_, id) => (id < vocab ? 0 : never)),
      "f32",
      [padded],
    ),
  );
}

/** Logits of the next token, of a decoder in training or not. */
export const nextTokenLogits = (model: DecoderConfig, p: TensorsOf<DecoderSpec>, tokens: Tensor, o: DecoderOptions): Tensor =>
  masked(unembed(model, p, decoderStates(model, p, tokens, o)), model.vocab);

/** x[:, by:] with zeros behind: what stands `by` places later. */
const later = (x: Tensor, by: number): Tensor =>
  concat([slice(x, undefined, [by]), zeros([x.shape[0]!, Math.min(by, x.shape[1]!)], x.dtype)], 1);

/** The loss of a micro-batch, as a function of parameters and batch: the one definition that training, evaluation and tests share. */
export const decoderLoss =
  (model: DecoderConfig, recipe: LossRecipe) =>
  (p: TensorsOf<TrainedSpec>, b: DecoderBatch, scale: Tensor): Tensor => {
    const options = {
      segments: b.segments,
      positions: b.positions,
      ...defined({ rematerialise: recipe.rematerialise }),
      attentionBlock: recipe.attentionBlock,
      ...(recipe.dropout > 0 ? { dropout: dropoutFrom(recipe.dropout, b.seed, 0, recipe.part) } : {}),
    };
    if (!p.further?.length) return crossEntropy(nextTokenLogits(model, p, b.tokens, options), b.targets, b.weights, scale);
    let trunk: Tensor | undefined;
    const onBlock = (layer: number, states: Tensor) => {
      if (layer === model.layers - 2) trunk = states;
    };
    const next = crossEntropy(nextTokenLogits(model, p, b.tokens, { ...options, onBlock }), b.targets, b.weights, scale);
    const { rematerialise: _, ...blockOptions } = options;
    return p.further.reduce((loss, block, i) => {
      const states = decoderBlock(model, model.layers - 1, block, trunk!, blockOptions);
      const logits = masked(unembed(model, p, states), model.vocab);
      // a token of another document is none to predict
      const isSame = cast(equal(later(b.segments, i + 1), b.segments), b.weights.dtype);
      const weights = mul(later(b.weights, i + 1), isSame);
      return add(loss, mul(crossEntropy(logits, later(b.targets, i + 1), weights, scale), recipe.multiToken?.weight ?? 1));
    }, next);
  };

/** The model of what was trained: without blocks of further tokens and padded rows. Takes the arrays over. */
export async function withoutTraining(device: Device, model: DecoderConfig, given: ArraysOf<DecoderSpec>): Promise<ArraysOf<DecoderSpec>> {
  const { further = [], ...own } = given as ArraysOf<TrainedSpec>;
  for (const array of treeLeaves<DeviceArray>(further as Tree<DeviceArray>)) array.dispose();
  const cut = async (table: DeviceArray): Promise<DeviceArray> => {
    const [rows, width] = table.shape as [number, number];
    if (rows === model.vocab) return table;
    const kept = await device.array((await table.read()).slice(0, model.vocab * width), table.dtype, [model.vocab, width]);
    table.dispose();
    return kept;
  };
  return { ...own, token: await cut(own.token), ...(own.output ? { output: await cut(own.output) } : {}) };
}
