/** `loam models unlearn`: a new version without given documents, and what membership and extraction attacks find of them in it. */
import { resolve } from "node:path";
import { formatCount, readText } from "../../base/index.ts";
import { wrongArgument } from "../../project/index.ts";
import { type ErasureMeasurement, forgettingMethods, type UnlearnedVersion, unlearnVersion } from "../../project/unlearning/index.ts";
import { choiceOption, numberOption, textOption } from "../options.ts";
import { watchOf } from "../show-call.ts";
import type { Context, Options, VerbRun } from "../verb.ts";
import { inProject } from "../verb-folder.ts";

const verb = "models unlearn";

/** Ids from the command line and from a file, one a line. */
function documentsOf({ cwd }: Context, args: readonly unknown[], options: Options): string[] {
  const file = textOption(options, "list");
  const listed = file === undefined ? [] : readText(resolve(cwd, file)).split("\n");
  const ids = [...[args].flat(3), ...listed].filter((t): t is string => typeof t === "string" && t.trim() !== "").map(t => t.trim());
  if (ids.length === 0) throw wrongArgument(`loam ${verb}`, "ids of documents, or --list FILE", "none", "`loam data explain` shows one.");
  return ids;
}

const f3 = (x: number): string => x.toFixed(3);

export function showMeasurement({ out }: Pick<Context, "out">, m: ErasureMeasurement): void {
  const rows = [
    ["before", m.before],
    ["after", m.after],
    ["never saw them", m.reference],
  ] as const;
  for (const [name, leak] of rows) {
    if (!leak) continue;
    const { membership: a, extraction: e, nats } = leak;
    out.line(
      `  ${name.padEnd(15)} membership AUC ${f3(a.value)}, 95 % CI [${f3(a.low)}, ${f3(a.high)}], ${f3(a.foundAtTenth)} found at 1 false alarm in 10; extracted ${e.extracted} of ${e.texts}, longest ${e.longest} tokens; loss ${f3(nats.erased)} erased, ${f3(nats.retained)} retained`,
    );
  }
  const { low, high, of } = m.neverSeenInterval;
  out.line(
    `  ${m.isWithinNeverSeen ? "within" : "NOT within"} the interval of never-seen texts, [${f3(low)}, ${f3(high)}] (${of === "chance" ? "chance for so many texts; --reference retrain measures it" : "of the reference"})`,
  );
}

function show(context: Context, u: UnlearnedVersion): void {
  const { out } = context;
  out.line(
    `  ${u.version}   ${u.artifact}, ${u.parent} without ${formatCount(u.documents)} documents, ${u.method}, ${formatCount(u.steps)} steps`,
  );
  showMeasurement(context, u.measurement);
  const { unlearning, measuring, retraining } = u.cost;
  out.line(
    `  processor time ${unlearning.processorSeconds} s, measuring ${measuring.processorSeconds} s${retraining ? `, retraining ${retraining.processorSeconds} s` : ""}`,
  );
}

export const modelsUnlearn: VerbRun = async (context, [version = "", ...rest], options) => {
  const documents = documentsOf(context, rest, options);
  const count = (key: string) => numberOption(options, key, verb, { least: 1, most: 100_000, whole: true });
  await inProject(context, options, async at => {
    const result = await unlearnVersion(
      at,
      version,
      documents,
      {
        method: choiceOption(options, "method", verb, forgettingMethods),
        steps: count("steps"),
        rate: numberOption(options, "rate", verb, { least: 1e-9, most: 10 }),
        reference: textOption(options, "reference"),
        prefix: count("prefix"),
        suffix: count("suffix"),
      },
      watchOf(context),
    );
    show(context, result);
    context.out.result({ ...result });
  });
};
