/**
 * Which tokens of a prompt an answer leans on: gradient x input, integrated gradients (Sundararajan et al. 2017) from a baseline to the prompt, whose
 * sum must be the difference of the score between the two (completeness; checked and reported), and occlusion. What is compared is the embeddings of the
 * prompt; the answer's own tokens stay as they are, so the attribution of an answer is the sum of its tokens'. Contrastive (Yin & Neubig 2022): the score
 * is that of the answer less that of another one, and so is its attribution.
 */
import { defined } from "../../base/index.ts";
import type { Device } from "../../tensor/index.ts";
import type { DecoderConfig, DecoderSpec } from "../decoder.ts";
import { nnErrors } from "../errors.ts";
import type { ArraysOf } from "../parameters.ts";
import { type Baseline, LayeredGradient, type LayeredLook, type ScoreKind, type TakeTurn, type TargetGroup } from "./layered-gradient.ts";
import { type Faithfulness, type FaithfulnessOptions, faithfulness, occlusion, type ScoresWithout } from "./occlusion.ts";
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
  /** Another answer, token ids: the score is the answer's less this one's. There is one target then: all places of the answer. */
  readonly against?: readonly number[];
  /** Parts of the prompt as places, that occlusion and faithfulness take away as one; default: each token. */
  readonly units?: readonly (readonly number[])[];
  /** Occlusion too: a run a unit. */
  readonly occlusion?: boolean;
  /** How far each method can be believed; absent: not looked at. */
  readonly faithfulness?: FaithfulnessOptions;
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
  /** A number for each unit: the fall of the score as it is replaced by the baseline. */
  readonly occlusion: Float64Array | undefined;
  readonly faithfulness: Readonly<Partial<Record<AttributionMethod, Faithfulness>>> | undefined;
}

export type AttributionMethod = "gradientTimesInput" | "integratedGradients" | "occlusion";

export interface Attribution {
  /** Places of the path that were looked at. */
  readonly looks: number;
  readonly targets: readonly TargetAttribution[];
  /** The score of every token that some target names, by its place in the answer. */
  readonly scores: ReadonlyMap<number, number>;
  /** The same of the answer that it is compared with. */
  readonly againstScores: readonly number[] | undefined;
}

const atOnce: TakeTurn = run => run();

function checkRequest({ config }: AttributionModel, r: AttributionRequest): void {
  const wrong = (place: string, expected: string, received: string) => nnErrors.fail("attribution", { place, expected, received });
  const length = r.prompt.length + Math.max(r.answer.length, r.against?.length ?? 0);
  if (r.prompt.length < 1) throw wrong("prompt", "at least one token", "none");
  if (length > config.context) throw wrong("prompt", `at most ${config.context} tokens with the answer`, String(length));
  const strange = [...r.prompt, ...r.answer, ...(r.against ?? [])].find(t => !Number.isSafeInteger(t) || t < 0 || t >= config.vocab);
  if (strange !== undefined) throw wrong("prompt", `token ids from 0 to ${config.vocab - 1}`, String(strange));
  const baseline = typeof r.baseline === "object" ? r.baseline.token : 0;
  if (!Number.isSafeInteger(baseline) || baseline < 0 || baseline >= config.vocab)
    throw wrong("baseline", `a token id from 0 to ${config.vocab - 1}`, String(baseline));
  checkTargets(r, wrong);
  if (!Number.isSafeInteger(r.steps) || r.steps < 0 || r.steps === 1) throw wrong("steps", "0, or a whole number from 2", String(r.steps));
  if (!(r.tolerance >= 0)) throw wrong("tolerance", "a number from 0", String(r.tolerance));
  const lost = (r.units ?? []).flat().find(i => !Number.isSafeInteger(i) || i < 0 || i >= r.prompt.length);
  if (lost !== undefined) throw wrong("units", `places of the prompt, 0 to ${r.prompt.length - 1}`, String(lost));
  if (r.units?.some(u => u.length === 0) || r.units?.length === 0) throw wrong("units", "at least one place each", "none");
}

function checkTargets(r: AttributionRequest, wrong: (place: string, expected: string, received: string) => Error): void {
  const isPlace = (i: number) => Number.isSafeInteger(i) && i >= 0 && i < r.answer.length;
  if (r.targets.length === 0 || r.targets.some(t => t.length === 0)) throw wrong("targets", "at least one place of the answer", "none");
  const out = r.targets.flat().find(i => !isPlace(i));
  if (out !== undefined) throw wrong("targets", `places of the answer, 0 to ${r.answer.length - 1}`, String(out));
  if (r.against === undefined) return;
  if (r.against.length === 0) throw wrong("against", "at least one token", "none");
  if (r.targets.length !== 1 || r.targets[0]!.length !== r.answer.length)
    throw wrong("targets", "the whole answer where it is compared with another one", `${r.targets.length} targets`);
}

/** The answer's text and, where it is compared with another, that one's: what is looked at is the difference of the two. */
class Compared {
  readonly #gradient: LayeredGradient;
  readonly #texts: readonly CompareSide[];
  readonly #options: LookOptions;

  private constructor(gradient: LayeredGradient, texts: readonly CompareSide[], options: LookOptions) {
    this.#gradient = gradient;
    this.#texts = texts;
    this.#options = options;
  }

  static async open(gradient: LayeredGradient, r: AttributionRequest, turn: TakeTurn, signal: AbortSignal | undefined): Promise<Compared> {
    const { prompt, answer, targets, against, baseline } = r;
    const side = async (tokens: readonly number[], groups: readonly (readonly number[])[]): Promise<CompareSide> => ({
      text: await gradient.text([...prompt, ...tokens], prompt.length, baseline),
      groups: groups.map(t => ({ indices: t.map(i => prompt.length + i) })),
    });
    const texts = [await side(answer, targets)];
    if (against) texts.push(await side(against, [[...against.keys()]]));
    return new Compared(gradient, texts, { turn, signal });
  }

  /** Looks of both sides, by target; the second side has one. */
  async sides(share: number, gradients: boolean): Promise<readonly (readonly LayeredLook[])[]> {
    const { turn, signal } = this.#options;
    const seen = [];
    for (const { text, groups } of this.#texts) seen.push(await this.#gradient.at(text, share, groups, gradients, turn, signal));
    return seen;
  }

  /** Scores by target where the prompt's tokens at these places are the baseline. */
  async without(places: readonly number[]): Promise<readonly number[]> {
    const { turn, signal } = this.#options;
    const seen: LayeredLook[][] = [];
    for (const { text, groups } of this.#texts) {
      const occluded = await this.#gradient.occluded(text, places);
      try {
        seen.push(await this.#gradient.at(occluded, 0, groups, false, turn, signal));
      } finally {
        occluded.share.dispose();
      }
    }
    return lessOther(seen).map(l => l.score);
  }

  release(): void {
    for (const { text } of this.#texts) this.#gradient.release(text);
  }
}

interface LookOptions {
  readonly turn: TakeTurn;
  readonly signal: AbortSignal | undefined;
}

interface CompareSide {
  readonly text: Awaited<ReturnType<LayeredGradient["text"]>>;
  readonly groups: readonly TargetGroup[];
}

/** Looks at one answer, or its look less that of the other answer: gradients of a difference are the difference of gradients. */
function lessOther([own, other]: readonly (readonly LayeredLook[])[]): readonly Omit<LayeredLook, "each">[] {
  const less = (a: Float64Array | undefined, b: Float64Array | undefined) => a && b && a.map((x, i) => x - b[i]!);
  const o = other?.[0];
  if (!o) return own!;
  return own!.map(a => ({ score: a.score - o.score, ...defined({ input: less(a.input, o.input), path: less(a.path, o.path) }) }));
}

/** How faithful the methods of one target are, each summed over the units that are taken away. */
async function faithfulnessOf(
  scores: ScoresWithout,
  target: number,
  units: readonly (readonly number[])[],
  options: FaithfulnessOptions,
  values: Readonly<Record<AttributionMethod, Float64Array | undefined>>,
): Promise<TargetAttribution["faithfulness"]> {
  const summed = (tokens: Float64Array) => Float64Array.from(units, places => places.reduce((sum, i) => sum + tokens[i]!, 0));
  const methods = (["gradientTimesInput", "integratedGradients", "occlusion"] as const).filter(m => values[m] !== undefined);
  const found = await faithfulness(
    scores,
    target,
    methods.map(m => (m === "occlusion" ? values[m]! : summed(values[m]!))),
    options,
  );
  return Object.fromEntries(methods.map((m, i) => [m, found[i]!]));
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
  const { prompt, targets, steps, units = prompt.map((_, i) => [i]) } = request;
  const gradient = given ?? new LayeredGradient(model.config, model.parameters, model.device, request.score);
  const compared = await Compared.open(gradient, request, turn, signal);
  const ofPrompt = (values: Float64Array) => values.slice(0, prompt.length);
  try {
    const sides = await compared.sides(1, true);
    const whole = lessOther(sides);
    const scores = new Map(sides[0]!.flatMap(({ each }, g) => targets[g]!.map((place, k): [number, number] => [place, each[k]!])));
    const path =
      steps > 0
        ? await integratePath(
            async at => {
              const seen = at === 1 ? whole : lessOther(await compared.sides(at, true));
              return seen.map(r => ({ score: r.score, along: ofPrompt(r.path!) }));
            },
            { steps, tolerance: request.tolerance },
          )
        : undefined;
    const without: ScoresWithout = async sets => {
      const scores = [];
      for (const gone of sets) scores.push(await compared.without(gone.flatMap(u => units[u]!)));
      return scores;
    };
    const falls = request.occlusion
      ? await occlusion(
          without,
          units.length,
          whole.map(w => w.score),
        )
      : undefined;
    const found: TargetAttribution[] = [];
    for (const [g, target] of targets.entries()) {
      const integratedGradients = path?.totals[g];
      const { score } = whole[g]!;
      const baselineScore = path?.baseline[g];
      const sum = integratedGradients?.reduce((a, b) => a + b, 0);
      const difference = baselineScore === undefined ? 0 : score - baselineScore;
      const values = { gradientTimesInput: ofPrompt(whole[g]!.input!), integratedGradients, occlusion: falls?.[g] };
      found.push({
        target,
        score,
        baselineScore,
        ...values,
        completeness: sum === undefined ? undefined : { sum, difference, error: Math.abs(sum - difference) },
        faithfulness: request.faithfulness && (await faithfulnessOf(without, g, units, request.faithfulness, values)),
      });
    }
    return { looks: path?.looks ?? 0, scores, targets: found, againstScores: sides[1] && Array.from(sides[1][0]!.each) };
  } finally {
    compared.release();
    if (!given) gradient.dispose();
  }
}
