/** `loam watch drift`: a line a feature, the strongest change first, and what of it moved. */
import { defined, formatCount } from "../../base/index.ts";
import { wrongArgument } from "../../project/index.ts";
import { measureDrift, type WatchedDrift } from "../../project/watching/index.ts";
import type { FeatureDrift, MovedValue } from "../../watch/index.ts";
import { numberOption, textOption } from "../options.ts";
import type { Output } from "../output.ts";
import type { VerbRun } from "../verb.ts";
import { inProject } from "../verb-folder.ts";

const kindTexts: Readonly<Record<WatchedDrift["window"]["kind"], string>> = {
  data: "data set",
  model: "training data of",
  file: "texts of",
  live: "traffic of",
  sketch: "sketch",
};

const shownP = (p: number): string => (p < 0.001 ? "< 0.001" : p.toFixed(3));
const shown = (value: number): string =>
  Number.isFinite(value) ? (Math.abs(value) >= 1000 ? formatCount(Math.round(value)) : String(Number(value.toPrecision(3)))) : "unknown";
const interval = ({ low, high }: { readonly low: number; readonly high: number }): string =>
  Number.isFinite(low) && Number.isFinite(high) ? ` [${shown(low)}, ${shown(high)}]` : "";

function effectText({ effect, measure, numbers }: FeatureDrift): string {
  const own = effect ? `${measure} ${shown(effect.value)}${interval(effect)}` : "";
  return numbers ? `${own}; median ${shown(numbers.reference.quantiles[2])} -> ${shown(numbers.window.quantiles[2])}` : own;
}

/** Moved values that are listed a feature. */
const listed = 5;

const movedText = ({ value, reference, window, difference, isNew }: MovedValue, tokens: WatchedDrift["tokens"]): string => {
  const text = typeof value === "number" && tokens[value] !== undefined ? `token ${JSON.stringify(tokens[value])}` : String(value);
  return `      ${text}: ${(100 * reference).toFixed(1)} % -> ${(100 * window).toFixed(1)} % (${difference.value > 0 ? "+" : ""}${(100 * difference.value).toFixed(1)} [${(100 * difference.low).toFixed(1)}, ${(100 * difference.high).toFixed(1)}])${isNew ? ", new" : ""}`;
};

const verdictText = (f: FeatureDrift): string =>
  f.verdict !== "too few"
    ? f.verdict
    : f.needed === null
      ? `too few: the reference has ${formatCount(f.reference.values)}`
      : `too few: ${formatCount(f.window.values)} of ${formatCount(f.needed)}`;

const seasonParts = [
  ["usual", "as usual in these hours"],
  ["unusual", "unusual for these hours too"],
  ["unknown", "too few to tell"],
] as const;

/** The second reference: which of the changes are those of the season. */
export function* seasonLines({
  version,
  seasons,
  fromMs,
  coverage,
  report,
  ...verdicts
}: NonNullable<WatchedDrift["season"]>): Generator<string> {
  const weeks = seasons.length === 1 ? `${seasons[0]} ${seasons[0] === 1 ? "week" : "weeks"} before` : `${seasons.length} earlier weeks`;
  const from = new Date(fromMs).toISOString().slice(0, 10);
  yield `  season: ${report.verdict} from the same hours of ${weeks} (${formatCount(report.events.reference)} requests to ${version} since ${from}; ${(100 * coverage).toFixed(0)} % of the traffic has a counterpart)`;
  for (const [part, text] of seasonParts) if (verdicts[part].length > 0) yield `    ${text}: ${verdicts[part].join(", ")}`;
}

function print(out: Output, { window, reference, report, since, season, tokens }: WatchedDrift): void {
  const named = ({ kind, name }: WatchedDrift["window"]) => `${kindTexts[kind]} ${name}`;
  out.line(`${named(window)} (${formatCount(report.events.window)}) against ${named(reference)} (${formatCount(report.events.reference)})`);
  out.line(`  ${report.verdict}, p ${shownP(report.p)} over ${report.features.length} features (Holm)`);
  for (const [kind, { verdict, features }] of Object.entries(report.kinds))
    out.line(`  ${kind}: ${verdict}${features.length > 0 ? ` in ${features.join(", ")}` : ""}`);
  if (season) for (const line of seasonLines(season)) out.line(line);
  const width = Math.max(...report.features.map(f => f.name.length));
  const verdictWidth = Math.max(...report.features.map(f => verdictText(f).length));
  out.line("");
  for (const f of report.features) {
    out.line(`  ${f.name.padEnd(width)}  ${verdictText(f).padEnd(verdictWidth)}  p ${shownP(f.p)}, q ${shownP(f.q)}  ${effectText(f)}`);
    if (f.verdict === "drift")
      for (const m of (f.moved ?? []).filter(v => v.q <= report.alpha).slice(0, listed)) out.line(movedText(m, tokens));
    for (const onset of since.filter(o => o.feature === f.name).slice(0, listed))
      out.line(`      ${onset.value === null ? "" : `${onset.value} `}since ${new Date(onset.sinceMs!).toISOString()}`);
  }
  for (const [side, names] of Object.entries(report.onlyIn)) if (names.length > 0) out.line(`  only in the ${side}: ${names.join(", ")}`);
}

export const watchDriftVerb: VerbRun = async (context, given, options) => {
  const [window, second, ...more] = given.filter(g => g !== undefined);
  const against = textOption(options, "against");
  if (more.length > 0 || (second !== undefined && against !== undefined))
    throw wrongArgument("loam watch drift", "a name, and a second one or --against", `${given.length} names`);
  const share = (key: string) => numberOption(options, key, "watch drift", { least: 0, most: 1 });
  const hours = numberOption(options, "hours", "watch drift", { least: 1, most: 100_000, whole: true });
  const features = textOption(options, "features")?.split(",");
  const found = await inProject(context, options, at =>
    measureDrift(
      at,
      window,
      defined({
        against: second ?? against,
        alpha: share("alpha"),
        detect: share("detect"),
        power: share("power"),
        least: numberOption(options, "least", "watch drift", { least: 1, most: 1_000_000, whole: true }),
        leastChange: share("least-change"),
        features,
        field: textOption(options, "field"),
        label: textOption(options, "label"),
        sinceMs: hours === undefined ? undefined : Date.now() - hours * 3_600_000,
      }),
    ),
  );
  print(context.out, found);
  context.out.result({ ...found });
};
