/** What a decoder gives away of texts: membership inference and extraction, with its loss on texts that stay and on texts that it never saw. */
import { random } from "../../base/index.ts";
import type { LikelihoodScorer } from "../../evaluate/index.ts";
import {
  type Extraction,
  type ExtractionOptions,
  expectedLoss,
  extractionOf,
  type MembershipArea,
  membershipArea,
  membershipScore,
  type TextLoss,
} from "../../governance/index.ts";
import type { ArraysOf, DecoderSpec } from "../../nn/index.ts";
import { curveOf, rocArea } from "../../statistics/index.ts";
import type { ErasureTexts } from "./erasure-texts.ts";

export interface ModelLeak {
  readonly membership: MembershipArea;
  /** Of the texts to forget, and of never-seen ones: what a model writes of any text of the kind. */
  readonly extraction: Extraction;
  readonly neverSeenExtraction: Extraction;
  /** Mean nats per token of a text. */
  readonly nats: { readonly erased: number; readonly neverSeen: number; readonly retained: number };
}

const mean = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0) / x.length;
const losses = (told: readonly { readonly nats: number }[], difficulty: readonly number[]): TextLoss[] =>
  told.map(({ nats }, i) => ({ loss: nats, difficulty: difficulty[i]! }));

/** Errors: governance/membership for too few texts; abort. */
export async function measureLeak(
  scorer: LikelihoodScorer,
  parameters: ArraysOf<DecoderSpec>,
  texts: ErasureTexts,
  extraction: ExtractionOptions,
  signal?: AbortSignal,
): Promise<ModelLeak> {
  const forget = await scorer.of(parameters, texts.forget, signal);
  const calibration = await scorer.of(parameters, texts.calibration, signal);
  const neverSeen = await scorer.of(parameters, texts.neverSeen, signal);
  const retained = await scorer.of(parameters, texts.retained, signal);
  const { difficulty } = texts;
  return {
    membership: membershipArea({
      erased: losses(forget, difficulty.forget),
      neverSeen: losses(neverSeen, difficulty.neverSeen),
      calibration: losses(calibration, difficulty.calibration),
    }),
    extraction: extractionOf(
      forget.map(t => t.likeliest),
      extraction,
    ),
    neverSeenExtraction: extractionOf(
      neverSeen.map(t => t.likeliest),
      extraction,
    ),
    nats: {
      erased: mean(forget.map(t => t.nats)),
      neverSeen: mean(neverSeen.map(t => t.nats)),
      retained: mean(retained.map(t => t.nats)),
    },
  };
}

/** Never-seen texts that a look of unlearning compares with. */
const lookTexts = 64;

/**
 * Which texts are left to forget: none where the attack tells them, as a group, no better than chance; else those that still look more learnt than the
 * never-seen text that each was given at random. So they come to lie among the never-seen ones as these lie among one another; were all moved to their
 * mean, that would tell them.
 */
export function textsLeft(
  scorer: LikelihoodScorer,
  texts: ErasureTexts,
  seed: number | string,
  signal?: AbortSignal,
): (parameters: ArraysOf<DecoderSpec>) => Promise<readonly number[]> {
  const calibration = texts.calibration.slice(0, lookTexts);
  const draw = random(`${seed}/aims`);
  const aims = texts.forget.map(() => draw.below(calibration.length));
  return async parameters => {
    const own = losses(await scorer.of(parameters, calibration, signal), texts.difficulty.calibration);
    const expected = expectedLoss(own);
    const scores = own.map(t => membershipScore(t, expected));
    const forget = losses(await scorer.of(parameters, texts.forget, signal), texts.difficulty.forget);
    const found = forget.map(t => membershipScore(t, expected));
    const curve = curveOf({ positive: [...found, ...scores].map((_, i) => i < found.length), score: [...found, ...scores] });
    return rocArea(curve) <= 0.5 ? [] : found.flatMap((score, i) => (score > scores[aims[i]!]! ? [i] : []));
  };
}
