/** `loam watch quality`, `loam watch forget`: figures of labelled requests beside estimates without labels, and what is kept of an owner's requests. */
import { formatCount } from "../../base/index.ts";
import { type EvaluatedQuality, forgetOwner, type ModelQuality, modelQuality } from "../../project/watching/index.ts";
import type { Interval } from "../../statistics/index.ts";
import type { PeriodQuality } from "../../watch/index.ts";
import { columns } from "../columns.ts";
import { numberOption } from "../options.ts";
import type { VerbRun } from "../verb.ts";
import { inProject } from "../verb-folder.ts";

const number = (x: number): string => x.toFixed(3);
const shown = (i: Interval | null): string => (i ? `${number(i.value)} [${number(i.low)}, ${number(i.high)}]` : "-");

/** Rows of a version's figures: what is known of labelled requests, and what calibrated probabilities expect of all. */
function figureRows({ true: of, estimated }: PeriodQuality): (readonly [string, string, string])[] {
  const rows: (readonly [string, string, string])[] = [
    ["accuracy", shown(of.accuracy), shown(estimated.accuracy)],
    ["macro F1", shown(of.macroF1), estimated.macroF1 === null ? "-" : number(estimated.macroF1)],
    ["log loss (nats)", shown(of.logLoss), shown(estimated.logLoss)],
    ["mean score", shown(of.score), "-"],
    ["NLL per token (nats)", "-", shown(estimated.nll)],
  ];
  return rows.filter(([, a, b]) => a !== "-" || b !== "-");
}

const table = (period: PeriodQuality): string[] => {
  const rows = figureRows(period);
  return rows.length === 0 ? [] : columns([["figure", "labelled, 95 % CI", "estimated, 95 % CI"], ...rows], 3).split("\n");
};

function selectionLine({ responses, true: of, selection }: PeriodQuality): string {
  const share = selection.share === null ? "" : ` (${(100 * selection.share).toFixed(1)} %)`;
  const line = `${formatCount(of.requests)} of ${formatCount(responses)} responses labelled${share}`;
  if (selection.p === null || selection.p >= 0.05) return `${line}; they may differ from the rest`;
  const of1 = `${number(selection.confidenceLabelled!)} against ${number(selection.confidenceAll!)}`;
  return `${line}; they differ from the rest: mean confidence ${of1}, p = ${selection.p < 0.001 ? "< 0.001" : number(selection.p)}`;
}

const evaluationLine = ({ evaluation }: EvaluatedQuality): string[] => {
  const figures = Object.entries(evaluation ?? {}).flatMap(([name, value]) =>
    typeof value === "number" ? [`${name} ${number(value)}`] : [],
  );
  return figures.length === 0 ? [] : [`  evaluated before it was served: ${figures.join(", ")}`];
};

function* linesOf({ model, fromDay, versions }: ModelQuality, byDay: boolean): Generator<string> {
  if (versions.length === 0) yield `  ${model}: no responses since ${fromDay}`;
  for (const v of versions) {
    yield `  ${model}${v.version === null ? "" : `@${v.version}`}: ${selectionLine(v)}`;
    yield* table(v);
    yield* evaluationLine(v);
    if (byDay)
      for (const day of v.days) {
        yield `  ${day.day}: ${selectionLine(day)}`;
        yield* table(day);
      }
  }
}

export const watchQuality: VerbRun = async (context, [model], options) => {
  const { out } = context;
  await inProject(context, options, async at => {
    const days = numberOption(options, "days", "watch quality", { least: 1, most: 3650 });
    const models = await modelQuality(await at.store(), model, days === undefined ? {} : { days });
    if (models.length === 0) out.line("  No responses yet: serve a model (loam serve) and send feedback to /v1/feedback.");
    for (const of of models) for (const line of linesOf(of, options.byDay === true)) out.line(line);
    out.result({ models });
  });
};

export const watchForget: VerbRun = async (context, [owner], options) => {
  const { out } = context;
  await inProject(context, options, async at => {
    const { labelled, requests, sketches, samples } = await forgetOwner(await at.store(), owner!);
    out.line(`  ${formatCount(requests)} requests of ${owner} are forgotten, ${formatCount(labelled)} of them labelled`);
    if (sketches > 0) out.line(`  ${formatCount(sketches)} hourly sketches of traffic that held some are deleted`);
    if (samples > 0) out.line(`  ${formatCount(samples)} examples of requests are deleted`);
    out.result({ owner, requests, labelled, sketches, samples });
  });
};
