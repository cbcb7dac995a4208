/**
 * `loam models quantize`: what a model would lose and gain in a quantised form: perplexity on a text, divergence from the full model, bytes,
 * speed, all measured here and now. It changes nothing: `loam serve --quantize FORM` serves it so.
 */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { formatBytes, formatCount, type Tree, treePaths } from "../../base/index.ts";
import { disposeTree } from "../../nn/index.ts";
import {
  type Closeness,
  calibrationTexts,
  closeness,
  type FormSpeed,
  formSpeed,
  type Quantisation,
  quantisationNames,
  quantisationOf,
  quantisedParameters,
} from "../../project/models/index.ts";
import { deviceOf, findModel, foundFiles, readServedModel } from "../../project/serving/index.ts";
import type { ServedModel } from "../../serve/index.ts";
import { bytesOf, type DeviceArray } from "../../tensor/index.ts";
import { cliErrors } from "../errors.ts";
import { numberOption, textOption } from "../options.ts";
import type { VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

const verb = "loam models quantize";
/** Share that perplexity may rise by where a form is said to be near. */
const nearChange = 0.01;
/** Tokens read of a text where nobody asks for another number. */
const defaultTokens = 4096;

const treeBytes = (tree: unknown): number =>
  treePaths<DeviceArray>(tree as Tree<DeviceArray>).reduce((n, [, a]) => n + bytesOf(a.shape, a.dtype), 0);

/** What one form costs and gains, as `--json` gives it. */
interface FormResult extends Closeness, FormSpeed {
  readonly form: Quantisation;
  /** Perplexity rises by at most 1 %. */
  readonly isNear: boolean;
  readonly sizeBytes: number;
}

function textOf(path: string | undefined, cwd: string): { readonly text: string; readonly name: string } {
  if (path === undefined) return { text: calibrationTexts(24).join("\n\n"), name: "generated sentences" };
  const whole = resolve(cwd, path);
  if (!existsSync(whole))
    throw cliErrors.fail("usage", { place: `${verb}: --text`, expected: "a file of text", received: `"${path}", which is not there` });
  return { text: readFileSync(whole, "utf8"), name: path };
}

function formsOf(given: string | undefined): readonly Quantisation[] {
  if (given === undefined) return quantisationNames;
  const form = quantisationOf(given, `${verb}: --plan`);
  return form === "auto" || form === "exact" ? quantisationNames : [form];
}

export const modelsQuantize: VerbRun = async (context, [given], options) => {
  const { out, cwd } = context;
  const forms = formsOf(textOption(options, "plan"));
  const most = numberOption(options, "tokens", "models quantize", { least: 64, most: 10_000_000, whole: true }) ?? defaultTokens;
  const slots = numberOption(options, "slots", "models quantize", { least: 1, most: 256, whole: true }) ?? 8;
  const { text, name } = textOf(textOption(options, "text"), cwd);
  const calibration = textOption(options, "calibrate");
  await using found = await findModel(folderOf(context, options), cwd, given);
  const device = deviceOf(found.project);
  const { files, label } = await foundFiles(found);
  const read = await readServedModel(files, device, label);
  const model: ServedModel =
    read.config.positions === "rotary" ? { ...read, config: { ...read.config, context: Math.min(read.config.context, 512) } } : read;
  try {
    const ids = Array.from(model.tokenizer.encode(text)).slice(0, most);
    if (ids.length < 64)
      throw cliErrors.fail("usage", { place: `${verb}: --text`, expected: "a text of at least 64 tokens", received: String(ids.length) });
    const texts = calibration === undefined ? undefined : [textOf(calibration, cwd).text];
    const fullBytes = treeBytes(model.parameters);
    const full = await formSpeed(model.config, model.parameters, device, slots);
    out.line(`  ${label.id}, ${formatCount(ids.length)} tokens of ${name}, ${slots} slots:`);
    const row = (cells: readonly string[]) => out.line(`  ${cells.map((c, i) => (i === 0 ? c.padEnd(12) : c.padStart(14))).join("")}`);
    row(["", "perplexity", "against full", "KL, nats", "same token", "weights", "decode tok/s", "prefill tok/s"]);
    const speeds = (s: typeof full) => [s.decode, s.prefill].map(x => x.toFixed(0));
    const results: FormResult[] = [];
    for (const form of forms) {
      const parameters = await quantisedParameters(model, device, form, { texts });
      try {
        const c = await closeness(model.config, device, model.parameters, parameters, ids);
        const speed = await formSpeed(model.config, parameters, device, slots);
        const bytes = treeBytes(parameters);
        if (results.length === 0) row(["exact", c.fullPerplexity.toFixed(3), "", "", "", formatBytes(fullBytes), ...speeds(full)]);
        const change = c.perplexity / c.fullPerplexity - 1;
        const shown = `${c.perplexity >= c.fullPerplexity ? "+" : ""}${(100 * change).toFixed(2)} %`;
        row([
          form,
          c.perplexity.toFixed(3),
          shown,
          c.divergence.toFixed(4),
          `${(100 * c.agreement).toFixed(1)} %`,
          formatBytes(bytes),
          ...speeds(speed),
        ]);
        results.push({ form, ...c, isNear: change <= nearChange, sizeBytes: bytes, ...speed });
      } finally {
        disposeTree(parameters);
      }
    }
    const near = results.filter(r => r.isNear);
    const share = `${100 * nearChange} %`;
    if (near.length === 0) out.line(`  None is within ${share} of the full model's perplexity on this text.`);
    else {
      out.line(`  Within ${share} of the full model's perplexity: ${near.map(r => r.form).join(", ")}`);
      const best = near.reduce((a, b) => (b.decode > a.decode ? b : a));
      out.line(`  loam serve ${given ?? label.id} --quantize ${best.form}`);
    }
    out.result({ model: label.id, text: name, slots, full: { sizeBytes: fullBytes, ...full }, forms: results });
  } finally {
    disposeTree(read.parameters);
  }
};
