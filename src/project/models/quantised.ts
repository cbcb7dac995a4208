/**
 * A model's parameters in one of the quantised forms that the command line knows, and which form is fastest here. One form serves prompts and
 * answers alike: then a token gets the same bits from every program, and known prefixes and guesses may be used.
 */
import { defined, hashOf } from "../../base/index.ts";
import {
  type BlockFactors,
  calibrate,
  type DecoderParameters,
  disposeTree,
  openDecoder,
  type QuantisePlan,
  quantise,
  runsAsMachineCode,
} from "../../nn/index.ts";
import type { DecoderForm, FormCost, ServedModel } from "../../serve/index.ts";
import type { Device } from "../../tensor/index.ts";
import { projectErrors } from "../errors.ts";
import { calibrationTexts } from "./calibration-text.ts";
import { closeness } from "./closeness.ts";
import { formConditions, keepForm, keptForm } from "./kept-forms.ts";

const quantisations = {
  /**
   * A byte a weight, rows of activations rounded to int8 after smoothing; in blocks the token table and some down-projections, which rows
   * cost most.
   */
  int8: { plan: { projections: "rows8", sensitive: "blocks8", tables: "blocks8" }, smooths: true, hasMachineCode: true },
  /** A byte a weight, blocks of 32; nearest to the full model. */
  "int8-blocks": { plan: { projections: "blocks8", tables: "blocks8" }, smooths: false, hasMachineCode: true },
  /** Four bits a weight in blocks of 32 with a least value each, the token table in 8 bits; weights of a Q4_1 file are kept exactly. */
  int4: { plan: { projections: "blocks4", tables: "blocks8" }, smooths: false, hasMachineCode: false },
} as const satisfies Record<string, { readonly plan: QuantisePlan; readonly smooths: boolean; readonly hasMachineCode: boolean }>;
export type Quantisation = keyof typeof quantisations;
export const quantisationNames = Object.keys(quantisations) as readonly Quantisation[];

/** Raised when a form gives other numbers for the same weights: fingerprints of before must not stand for them. */
const revision = 3;

/** Mean divergence (KL, nats) from the full model that `auto` allows; about what perplexity rises by. */
const allowedDivergence = 0.02;
/** Taken where it is the quickest that is left, however far: nothing else is nearer. */
const nearest: Quantisation = "int8-blocks";
/** Tokens that `auto` judges a form by: two windows. */
const judgedTokens = 512;

/** The part of a text that calibrates. */
const calibrationTokens = 256;

const isQuantisation = (text: string): text is Quantisation => Object.hasOwn(quantisations, text);

/** `exact`, `auto` or a form. Errors: project/argument. */
export function quantisationOf(text: string, place: string): Quantisation | "auto" | "exact" {
  if (text === "auto" || text === "exact" || isQuantisation(text)) return text;
  throw projectErrors.fail("argument", {
    place,
    expected: `one of exact, auto, ${quantisationNames.join(", ")}`,
    received: `"${text}"`,
  });
}

interface QuantisedOptions {
  /** Texts to calibrate with; neutral ones where absent. */
  readonly texts?: readonly string[] | undefined;
  /** The float parameters are freed on the way. */
  readonly consume?: boolean;
  /** Hears of each block what its channels were divided by. */
  readonly onSmoothed?: (factors: BlockFactors) => void;
}

export async function quantisedParameters(
  {
    config,
    parameters,
    tokenizer,
  }: Pick<ServedModel, "config" | "parameters"> & { readonly tokenizer: Pick<ServedModel["tokenizer"], "encode"> },
  device: Device,
  form: Quantisation,
  { texts = calibrationTexts(), consume = false, onSmoothed }: QuantisedOptions = {},
): Promise<DecoderParameters> {
  const { plan, smooths } = quantisations[form];
  const room = Math.min(calibrationTokens, config.context);
  const small = config.positions === "rotary" ? { ...config, context: room } : config;
  const ids = texts.map(t => Array.from(tokenizer.encode(t)).slice(0, room)).filter(t => t.length > 0);
  const calibration = smooths && ids.length > 0 ? { calibration: await calibrate(small, parameters, device, ids) } : {};
  return quantise(config, parameters, device, plan, { ...calibration, consume, ...defined({ onSmoothed }) });
}

export interface FormSpeed {
  /** Tokens a second with every slot writing. */
  readonly decode: number;
  readonly prefill: number;
}

/** Tokens of a prompt that are read at once, and of room, for a measurement. */
const measured = { prompt: 128, steps: 6 } as const;

/** How fast these parameters decode in `slots` slots and read prompts here and now: the best of some runs. */
export async function formSpeed(
  config: ServedModel["config"],
  parameters: DecoderParameters,
  device: Device,
  slots: number,
): Promise<FormSpeed> {
  const width = Math.min(measured.prompt, config.context >> 1);
  const decoder = await openDecoder(config, parameters, device, { slots, room: 2 * width, widths: [width], verifyWidth: 1 });
  const best = async (times: number, run: (i: number) => Promise<{ release(): void }>): Promise<number> => {
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i <= times; i++) {
      const began = performance.now();
      (await run(i)).release();
      if (i > 0) least = Math.min(least, performance.now() - began);
    }
    return least;
  };
  try {
    const sequence = Array.from({ length: width }, (_, i) => (i * 7919) % config.vocab);
    const prefill = await best(2, () => decoder.prefill(parameters, 0, sequence, { start: 0, count: width, width }));
    const tokens = Int32Array.from({ length: slots }, (_, i) => i % config.vocab);
    const decode = await best(measured.steps, i => decoder.decode(parameters, tokens, new Int32Array(slots).fill(width + i)));
    return { decode: (1000 * slots) / decode, prefill: (1000 * width) / prefill };
  } finally {
    decoder.dispose();
  }
}

interface Built {
  readonly form: Quantisation;
  /** Where it was measured, now or before. */
  readonly cost?: FormCost;
  readonly parameters: DecoderParameters;
  readonly smoothing: readonly BlockFactors[];
}

async function built(model: ServedModel, device: Device, form: Quantisation, consume: boolean): Promise<Built> {
  const smoothing: BlockFactors[] = [];
  return { form, smoothing, parameters: await quantisedParameters(model, device, form, { consume, onSmoothed: f => smoothing.push(f) }) };
}

/**
 * The form for which a prompt and an answer of as many tokens take least time in full slots, among those near enough to the full model on
 * neutral text (not the one that calibrates). All are timed, but for those that machine code leaves two to three times behind (docs/machine-code.md);
 * how near one is, which takes a program of the full model, is asked of the quickest,
 * and of the next only where that is too far.
 */
async function fastest(model: ServedModel, device: Device, slots: number): Promise<Built & { readonly cost: FormCost }> {
  const times = new Map<Quantisation, number>();
  let quickest: Built | undefined;
  let isMachineCode = false;
  for (const form of quantisationNames) {
    if (isMachineCode && !quantisations[form].hasMachineCode) continue;
    const candidate = await built(model, device, form, false);
    isMachineCode ||= runsAsMachineCode(model.config, candidate.parameters, device);
    const { decode, prefill } = await formSpeed(model.config, candidate.parameters, device, slots);
    times.set(form, 1 / decode + 1 / prefill);
    const slower = quickest && times.get(quickest.form)! <= times.get(form)! ? candidate : quickest;
    if (slower) disposeTree(slower.parameters);
    if (slower !== candidate) quickest = candidate;
  }
  const texts = calibrationTexts(8).slice(4);
  const ids = texts.flatMap(t => Array.from(model.tokenizer.encode(t))).slice(0, judgedTokens);
  for (const form of [...times.keys()].sort((a, b) => times.get(a)! - times.get(b)!)) {
    const candidate = quickest?.form === form ? quickest : await built(model, device, form, false);
    const cost = await closeness(model.config, device, model.parameters, candidate.parameters, ids);
    if (cost.divergence <= allowedDivergence || form === nearest) return { ...candidate, cost };
    disposeTree(candidate.parameters);
  }
  throw new Error("unreachable: the nearest form is always taken");
}

/** The form that was chosen under these conditions before, or the one that is chosen now and kept. */
async function chosen(
  model: ServedModel,
  device: Device,
  slots: number,
): Promise<Built & { readonly how: Pick<DecoderForm, "chosen" | "isStored"> }> {
  const conditions = formConditions(model.weights ?? model.fingerprint, device, slots);
  const kept = keptForm(conditions, revision);
  if (kept && isQuantisation(kept.form))
    return { ...(await built(model, device, kept.form, true)), cost: kept.cost, how: { chosen: "kept" } };
  const quickest = await fastest(model, device, slots);
  disposeTree(model.parameters);
  const isStored = keepForm(conditions, revision, { form: quickest.form, cost: quickest.cost });
  return { ...quickest, how: { chosen: "measured", isStored } };
}

interface QuantisedModel {
  readonly model: ServedModel;
  readonly form: Quantisation;
}

/**
 * The model over quantised parameters; its float parameters are gone. The form is part of its fingerprint. `auto` measures once under the same
 * conditions (`kept-forms.ts`). Errors: nn/config where a form does not fit the widths.
 */
export async function quantisedModel(
  model: ServedModel,
  device: Device,
  wanted: Quantisation | "auto",
  slots: number,
): Promise<QuantisedModel> {
  const found =
    wanted === "auto"
      ? await chosen(model, device, slots)
      : { ...(await built(model, device, wanted, true)), how: { chosen: "given" } as const };
  const { form, parameters, smoothing, cost, how } = found;
  const fingerprint = hashOf({ full: model.fingerprint, form, revision, ...quantisations[form].plan });
  return { form, model: { ...model, parameters, smoothing, fingerprint, form: { name: form, ...how, ...defined({ cost }) } } };
}
