/** `loam models quantize`: what a model would lose and gain in a quantised form, as a table that grows. */
import { formatBytes, formatCount } from "../../base/index.ts";
import type { QuantizedEvent } from "../../project/index.ts";
import { type FormSpeed, measureQuantized, nearChange, quantisationNames, quantisationOf } from "../../project/models/index.ts";
import { numberOption, textOption } from "../options.ts";
import { watchOf } from "../show-call.ts";
import type { VerbRun } from "../verb.ts";
import { workplaceOf } from "../verb-folder.ts";

const verb = "models quantize";

export const modelsQuantize: VerbRun = async (context, [given], options) => {
  const { out } = context;
  const plan = textOption(options, "plan");
  const form = plan === undefined ? "auto" : quantisationOf(plan, `loam ${verb}: --plan`);
  const wanted = {
    forms: form === "auto" || form === "exact" ? quantisationNames : [form],
    tokens: numberOption(options, "tokens", verb, { least: 64, most: 10_000_000, whole: true }),
    slots: numberOption(options, "slots", verb, { least: 1, most: 256, whole: true }),
    text: textOption(options, "text"),
    calibrate: textOption(options, "calibrate"),
  };
  const row = (cells: readonly string[]) => out.line(`  ${cells.map((c, i) => (i === 0 ? c.padEnd(12) : c.padStart(14))).join("")}`);
  const speeds = (s: FormSpeed) => [s.decode, s.prefill].map(x => x.toFixed(0));
  let full: (FormSpeed & { readonly sizeBytes: number }) | undefined;
  const show = ({ form: f }: QuantizedEvent) => {
    if (full) row(["exact", f.fullPerplexity.toFixed(3), "", "", "", formatBytes(full.sizeBytes), ...speeds(full)]);
    full = undefined;
    const change = `${f.perplexity >= f.fullPerplexity ? "+" : ""}${(100 * (f.perplexity / f.fullPerplexity - 1)).toFixed(2)} %`;
    const near = [change, f.divergence.toFixed(4), `${(100 * f.agreement).toFixed(1)} %`];
    row([f.form, f.perplexity.toFixed(3), ...near, formatBytes(f.sizeBytes), ...speeds(f)]);
  };
  const watch = watchOf(context, { quantized: show });
  const measured = await measureQuantized(workplaceOf(context, options), given, wanted, watch, start => {
    full = start.full;
    out.line(`  ${start.model}, ${formatCount(start.tokens)} tokens of ${start.text}, ${start.slots} slots:`);
    row(["", "perplexity", "against full", "KL, nats", "same token", "weights", "decode tok/s", "prefill tok/s"]);
  });
  const near = measured.forms.filter(f => f.isNear);
  const share = `${100 * nearChange} %`;
  if (near.length === 0) out.line(`  None is within ${share} of the full model's perplexity on this text.`);
  else {
    out.line(`  Within ${share} of the full model's perplexity: ${near.map(f => f.form).join(", ")}`);
    const best = near.reduce((a, b) => (b.decode > a.decode ? b : a));
    out.line(`  loam serve ${given ?? measured.model} --quantize ${best.form}`);
  }
  out.result(measured);
};
