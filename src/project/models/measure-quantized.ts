/**
 * What a model would lose and gain in a quantised form: perplexity on a text, divergence from the full model, bytes, speed, all measured here and now.
 * It changes nothing: `loam serve --quantize FORM` serves it so.
 */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { type Tree, treePaths } from "../../base/index.ts";
import { disposeTree } from "../../nn/index.ts";
import type { ServedModel } from "../../serve/index.ts";
import { bytesOf, type DeviceArray } from "../../tensor/index.ts";
import type { Watch } from "../call.ts";
import { wrongArgument } from "../errors.ts";
import { findModel } from "../serving/find-model.ts";
import { foundFiles } from "../serving/found-files.ts";
import { deviceOf } from "../serving/open-engine.ts";
import { readServedModel } from "../serving/read-model.ts";
import type { Workplace } from "../workspace.ts";
import { calibrationTexts } from "./calibration-text.ts";
import { type Closeness, closeness } from "./closeness.ts";
import { type FormSpeed, formSpeed, type Quantisation, quantisationNames, quantisedParameters } from "./quantised.ts";

/** Share that perplexity may rise by where a form is said to be near. */
export const nearChange = 0.01;
/** Tokens read of a text where nobody asks for another number. */
const defaultTokens = 4096;
const fewestTokens = 64;

export interface QuantizeOptions {
  /** Default: every form. */
  readonly forms?: readonly Quantisation[] | undefined;
  /** A file of text to measure on; default: generated sentences. */
  readonly text?: string | undefined;
  /** A file of text to calibrate with. */
  readonly calibrate?: string | undefined;
  /** Tokens of the text, at most; default 4096. */
  readonly tokens?: number | undefined;
  /** Sequences decoded at once for the speed; default 8. */
  readonly slots?: number | undefined;
}

/** What one form costs and gains. */
export interface QuantizedForm extends Closeness, FormSpeed {
  readonly form: Quantisation;
  /** Perplexity rises by at most 1 %. */
  readonly isNear: boolean;
  /** Of the weights. */
  readonly sizeBytes: number;
}

export interface MeasuredForms {
  readonly model: string;
  /** Name of the text. */
  readonly text: string;
  readonly slots: number;
  readonly full: FormSpeed & { readonly sizeBytes: number };
  readonly forms: readonly QuantizedForm[];
}

/** Told before the first form, for a table that grows. */
export type QuantizeStart = Omit<MeasuredForms, "forms"> & { readonly tokens: number };

const treeBytes = (tree: unknown): number =>
  treePaths<DeviceArray>(tree as Tree<DeviceArray>).reduce((n, [, a]) => n + bytesOf(a.shape, a.dtype), 0);

const place = "loam models quantize: --text";

/** A text to measure on: a file, or generated sentences. Errors: project/argument. */
export function measuredText(path: string | undefined, cwd: string, place: string): { readonly text: string; readonly name: string } {
  if (path === undefined) return { text: calibrationTexts(24).join("\n\n"), name: "generated sentences" };
  const whole = resolve(cwd, path);
  if (!existsSync(whole)) throw wrongArgument(place, "a file of text", `"${path}", which is not there`);
  return { text: readFileSync(whole, "utf8"), name: path };
}

/** Errors: project/argument for a text that is not there or too short; those of the model's files. */
export async function measureQuantized(
  { folder, cwd }: Workplace,
  given: string | undefined,
  { forms = quantisationNames, text: file, calibrate, tokens = defaultTokens, slots = 8 }: QuantizeOptions,
  { signal, emit }: Watch,
  onStart: (start: QuantizeStart) => void = () => {},
): Promise<MeasuredForms> {
  const { text, name } = measuredText(file, cwd, place);
  await using found = await findModel(folder, cwd, given);
  const device = deviceOf(found.project);
  const { files, label } = await foundFiles(found);
  const read = await readServedModel(files, device, label);
  const model: ServedModel =
    read.config.positions === "rotary" ? { ...read, config: { ...read.config, context: Math.min(read.config.context, 512) } } : read;
  try {
    const ids = Array.from(model.tokenizer.encode(text)).slice(0, tokens);
    if (ids.length < fewestTokens) throw wrongArgument(place, `a text of at least ${fewestTokens} tokens`, String(ids.length));
    const texts = calibrate === undefined ? undefined : [measuredText(calibrate, cwd, place).text];
    const sizeBytes = treeBytes(model.parameters);
    const full = { sizeBytes, ...(await formSpeed(model.config, model.parameters, device, slots)) };
    const start = { model: label.id, text: name, slots, full };
    onStart({ ...start, tokens: ids.length });
    const results: QuantizedForm[] = [];
    for (const form of forms) {
      signal.throwIfAborted();
      const parameters = await quantisedParameters(model, device, form, { texts });
      try {
        const near = await closeness(model.config, device, model.parameters, parameters, ids);
        const speed = await formSpeed(model.config, parameters, device, slots);
        const isNear = near.perplexity / near.fullPerplexity - 1 <= nearChange;
        const result = { form, ...near, isNear, sizeBytes: treeBytes(parameters), ...speed };
        results.push(result);
        emit({ event: "quantized", form: result });
      } finally {
        disposeTree(parameters);
      }
    }
    return { ...start, forms: results };
  } finally {
    disposeTree(read.parameters);
  }
}
