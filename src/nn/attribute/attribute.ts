/**
 * Which tokens of a prompt an answer leans on: gradient x input, and integrated gradients (Sundararajan et al. 2017) from a baseline to the
 * prompt, whose sum must be the difference of the score between the two (completeness; checked and reported). What is compared is the
 * embeddings of the prompt; the answer's own tokens stay as they are, so the attribution of an answer is the sum of its tokens'.
 */
import type { Device } from "../../tensor/index.ts";
import type { DecoderConfig, DecoderSpec } from "../decoder.ts";
import { nnErrors } from "../errors.ts";
import type { ArraysOf } from "../parameters.ts";
import { type Baseline, LayeredGradient, type ScoreKind, type TakeTurn, type TargetGroup } from "./layered-gradient.ts";
import { integratePath } from "./path.ts";

export interface AttributionModel {
  readonly config: DecoderConfig;
  readonly parameters: ArraysOf<DecoderSpec>;
  readonly device: Device;
}

export interface AttributionRequest {
  readonly prompt: readonly number[];
  readonly answer: readonly number[];
  /** Groups of places in the answer; a group's scores are added up. */
  readonly targets: readonly (readonly number[])[];
  readonly score: ScoreKind;
  readonly baseline: Baseline;
  /** Places on the path from the baseline to the prompt that integrated gradients look at, at most; 0 leaves them out, else from 2. */
  readonly steps: number;
  /** Integrated gradients look no further when the parts of the path fall short of their known gains by less, all together. */
  readonly tolerance: number;
}

export interface Completeness {
  readonly sum: number;
  /** Score of the prompt less that of the baseline. */
  readonly difference: number;
  readonly error: number;
}

export interface TargetAttribution {
  readonly target: readonly number[];
  readonly score: number;
  readonly baselineScore: number | undefined;
  /** A number for each token of the prompt. */
  readonly gradientTimesInput: Float64Array;
  readonly integratedGradients: Float64Array | undefined;
  readonly completeness: Completeness | undefined;
}

export interface Attribution {
  /** Places of the path that were looked at. */
  readonly looks: number;
  readonly targets: readonly TargetAttribution[];
  /** The score of every token that some target names, by its place in the answer. */
  readonly scores: ReadonlyMap<number, number>;
}

const atOnce: TakeTurn = run => run();

function checkRequest({ config }: AttributionModel, r: AttributionRequest): void {
  const wrong = (place: string, expected: string, received: string) => nnErrors.fail("attribution", { place, expected, received });
  const length = r.prompt.length + r.answer.length;
  if (r.prompt.length < 1) throw wrong("prompt", "at least one token", "none");
  if (length > config.context) throw wrong("prompt", `at most ${config.context} tokens with the answer`, String(length));
  const strange = [...r.prompt, ...r.answer].find(t => !Number.isSafeInteger(t) || t < 0 || t >= config.vocab);
  if (strange !== undefined) throw wrong("prompt", `token ids from 0 to ${config.vocab - 1}`, String(strange));
  const baseline = typeof r.baseline === "object" ? r.baseline.token : 0;
  if (!Number.isSafeInteger(baseline) || baseline < 0 || baseline >= config.vocab)
    throw wrong("baseline", `a token id from 0 to ${config.vocab - 1}`, String(baseline));
  const isPlace = (i: number) => Number.isSafeInteger(i) && i >= 0 && i < r.answer.length;
  if (r.targets.length === 0 || r.targets.some(t => t.length === 0)) throw wrong("targets", "at least one place of the answer", "none");
  const out = r.targets.flat().find(i => !isPlace(i));
  if (out !== undefined) throw wrong("targets", `places of the answer, 0 to ${r.answer.length - 1}`, String(out));
  if (!Number.isSafeInteger(r.steps) || r.steps < 0 || r.steps === 1) throw wrong("steps", "0, or a whole number from 2", String(r.steps));
  if (!(r.tolerance >= 0)) throw wrong("tolerance", "a number from 0", String(r.tolerance));
}

/**
 * Attributes. Programs are built for this call and gone with it; runs take their `turn`, a block of the model each. Errors: nn/attribution for
 * what does not fit the model, and the signal's reason.
 */
export async function attribute(
  model: AttributionModel,
  request: AttributionRequest,
  { turn = atOnce, signal, gradient: given }: { turn?: TakeTurn; signal?: AbortSignal; gradient?: LayeredGradient } = {},
): Promise<Attribution> {
  checkRequest(model, request);
  const { prompt, answer, targets, steps } = request;
  const gradient = given ?? new LayeredGradient(model.config, model.parameters, model.device, request.score);
  const text = await gradient.text([...prompt, ...answer], prompt.length, request.baseline);
  const groups: TargetGroup[] = targets.map(t => ({ indices: t.map(i => prompt.length + i) }));
  const ofPrompt = (values: Float64Array) => values.slice(0, prompt.length);
  try {
    const whole = await gradient.at(text, 1, groups, true, turn, signal);
    const scores = new Map(whole.flatMap(({ each }, g) => targets[g]!.map((place, k): [number, number] => [place, each[k]!])));
    const path =
      steps > 0
        ? await integratePath(
            async at => {
              const seen = at === 1 ? whole : await gradient.at(text, at, groups, true, turn, signal);
              return seen.map(r => ({ score: r.score, along: ofPrompt(r.path!) }));
            },
            { steps, tolerance: request.tolerance },
          )
        : undefined;
    return {
      looks: path?.looks ?? 0,
      scores,
      targets: targets.map((target, g) => {
        const values = path?.totals[g];
        const { score } = whole[g]!;
        const baselineScore = path?.baseline[g];
        const sum = values?.reduce((a, b) => a + b, 0);
        const difference = baselineScore === undefined ? 0 : score - baselineScore;
        return {
          target,
          score,
          baselineScore,
          gradientTimesInput: ofPrompt(whole[g]!.input!),
          integratedGradients: values,
          completeness: sum === undefined ? undefined : { sum, difference, error: Math.abs(sum - difference) },
        };
      }),
    };
  } finally {
    gradient.release(text);
    if (!given) gradient.dispose();
  }
}
