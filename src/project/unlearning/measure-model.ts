/** What a decoder gives away of texts: membership inference and extraction, with its loss on texts that stay and on texts that it never saw. */
import { documentLikelihoods } from "../../evaluate/index.ts";
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
import type { ArraysOf, DecoderConfig, DecoderSpec } from "../../nn/index.ts";
import type { Device } from "../../tensor/index.ts";
import { random } from "../../base/index.ts";
import type { ErasureTexts, TokenText } from "./erasure-texts.ts";

export interface MeasuredDecoder {
  readonly device: Device;
  readonly config: DecoderConfig;
  /** The end-of-document token. */
  readonly end: number;
  readonly signal?: AbortSignal | undefined;
}

export interface ModelLeak {
  readonly membership: MembershipArea;
  /** Of the texts to forget, and of never-seen ones: what a model writes of any text of the kind. */
  readonly extraction: Extraction;
  readonly neverSeenExtraction: Extraction;
  /** Mean nats per token of a text. */
  readonly nats: { readonly erased: number; readonly neverSeen: number; readonly retained: number };
}

const likelihoods = (at: MeasuredDecoder, parameters: ArraysOf<DecoderSpec>, documents: readonly TokenText[]) =>
  documentLikelihoods({ ...at, parameters, documents });

const mean = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0) / x.length;
const losses = (told: readonly { readonly nats: number }[], difficulty: readonly number[]): TextLoss[] =>
  told.map(({ nats }, i) => ({ loss: nats, difficulty: difficulty[i]! }));

/** Errors: governance/membership for too few texts; abort. */
export async function measureLeak(
  at: MeasuredDecoder,
  parameters: ArraysOf<DecoderSpec>,
  texts: ErasureTexts,
  extraction: ExtractionOptions,
): Promise<ModelLeak> {
  const forget = await likelihoods(at, parameters, texts.forget);
  const calibration = await likelihoods(at, parameters, texts.calibration);
  const neverSeen = await likelihoods(at, parameters, texts.neverSeen);
  const retained = await likelihoods(at, parameters, texts.retained);
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
 * Which texts are left to forget: those that still look more learnt than the never-seen text that each was given at random. So the texts come to lie among
 * the never-seen ones as these lie among one another; were all moved to their mean, that would tell them.
 */
export function textsLeft(
  at: MeasuredDecoder,
  texts: ErasureTexts,
  seed: number | string,
): (parameters: ArraysOf<DecoderSpec>) => Promise<readonly number[]> {
  const calibration = texts.calibration.slice(0, lookTexts);
  const draw = random(`${seed}/aims`);
  const aims = texts.forget.map(() => draw.below(calibration.length));
  return async parameters => {
    const own = losses(await likelihoods(at, parameters, calibration), texts.difficulty.calibration);
    const expected = expectedLoss(own);
    const scores = own.map(t => membershipScore(t, expected));
    const forget = losses(await likelihoods(at, parameters, texts.forget), texts.difficulty.forget);
    return forget.flatMap((t, i) => (membershipScore(t, expected) > scores[aims[i]!]! ? [i] : []));
  };
}
