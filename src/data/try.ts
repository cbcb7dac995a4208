/**
 * What other thresholds would do, from the stored values alone. Honest about its reach: values exist for documents that came to the step; what
 * it would let through, later steps have not judged; an edit cannot be undone; of corpus steps only a raised similarity can be tried.
 */
import { check, nearest, parseYaml } from "../base/index.ts";
import type { ArtifactReader } from "../store/index.ts";
import { dataErrors } from "./errors.ts";
import { findDocuments, measuredIds, readMeasures } from "./explain.ts";
import type { LedgerMeasure } from "./ledger.ts";
import { type ColumnInfo, decodeColumn, fate, fatesFile, type MeasuresInfo, type StepCount } from "./measures.ts";
import { shownBy } from "./shown.ts";
import type { Rules } from "./steps/rules.ts";
import type { StepName } from "./steps/step-entry.ts";
import { steps as allSteps } from "./steps/steps.ts";

export interface TryExample {
  readonly id: string;
  readonly rule: string;
  readonly value: LedgerMeasure;
  readonly text: string;
}

interface TriedRule {
  readonly rule: string;
  readonly option: string;
  readonly from: number | null;
  readonly to: number | null;
  readonly measured: number;
  /** Documents on the wrong side before and now, each rule for itself. */
  readonly beyondBefore: number;
  readonly beyondNow: number;
}

export interface StepTrial {
  readonly artifact: string;
  readonly step: string;
  readonly position: number;
  readonly rules: readonly TriedRule[];
  /** Documents with values of the step. */
  readonly measured: number;
  readonly keptNow: number;
  /** Dropped by this step in the run, kept by the new thresholds; steps after it have not judged them. */
  readonly keptInAddition: number;
  /** Kept to the end in the run, dropped by the new thresholds. */
  readonly droppedInAddition: number;
  /** Dropped by a later step in the run, and by this one with the new thresholds. */
  readonly droppedEarlier: number;
  /** Documents of `keep:` that the new thresholds would drop, were they not named. */
  readonly overruled: number;
  /** The number is a bound: see `notes`. */
  readonly isBound: boolean;
  readonly kept: readonly TryExample[];
  readonly dropped: readonly TryExample[];
  readonly notes: readonly string[];
}

type Options = Readonly<Record<string, unknown>>;

/** Sets a dotted name in a copy. */
function withValue(options: Options, path: readonly string[], value: unknown): Options {
  const [head, ...rest] = path as [string, ...string[]];
  if (rest.length === 0) return { ...options, [head]: value };
  const inner = options[head];
  return { ...options, [head]: withValue(typeof inner === "object" && inner !== null ? (inner as Options) : {}, rest, value) };
}

const valueAt = (options: Options, path: string): unknown =>
  path.split(".").reduce<unknown>((at, key) => (typeof at === "object" && at !== null ? (at as Options)[key] : undefined), options);

/** Dotted names of all options that have a value. */
const pathsOf = (options: Options, before = ""): string[] =>
  Object.entries(options).flatMap(([k, v]) =>
    typeof v === "object" && v !== null && !Array.isArray(v) ? pathsOf(v as Options, `${before}${k}.`) : [`${before}${k}`],
  );

const didYouMean = (word: string, known: readonly string[]) => {
  const near = nearest(word, known);
  return near ? { hint: `Did you mean "${near}"?` } : {};
};

/** `name=value`, the value as JSON where it is some (0.8, null, true), as loam.yaml would have it where it is in brackets (`[en, de]`), else as text. Errors: `data/trial`. */
export function parseSetting(text: string): readonly [option: string, value: unknown] {
  const at = text.indexOf("=");
  if (at <= 0)
    throw dataErrors.fail("trial", {
      place: "--set",
      expected: "option=value",
      received: JSON.stringify(text),
      hint: "For example: --set minWords=20.",
    });
  const raw = text.slice(at + 1).trim();
  try {
    return [text.slice(0, at).trim(), /^[[{]/.test(raw) ? parseYaml(raw, "--set") : (JSON.parse(raw) as unknown)];
  } catch {
    return [text.slice(0, at).trim(), raw];
  }
}

/** The step that a trial means. */
function stepOf(info: MeasuresInfo, name: string, place: string): StepCount {
  const found = info.steps.filter(s => s.step === name);
  if (found.length > 0) return found.at(-1)!;
  const names = info.steps.map(s => s.step);
  throw dataErrors.fail("trial", {
    place: `${place}: --step`,
    expected: `a step of this data set (${names.join(", ")})`,
    received: `"${name}"`,
    ...didYouMean(name, names),
  });
}

interface Plan {
  readonly tried: readonly {
    readonly column: ColumnInfo;
    readonly option: string;
    readonly keep: "atLeast" | "atMost";
    readonly to: number | null;
  }[];
  readonly notes: string[];
  readonly isBound: boolean;
}

const cannot = (step: string, option: string, expected: string, received: string, hint: string) =>
  dataErrors.fail("trial", { place: `${step}: ${option}`, expected, received, hint });

const anew = "Change it in loam.yaml and run `loam data run`: only the stages after it are re-run.";

/** What stands behind every option that is `true` for short. */
function insides(step: StepCount): Options {
  const schema = allSteps[step.step as StepName].options;
  const entries = Object.entries(step.options).flatMap(([k, v]) => {
    const whole = v === true ? schema.safeParse({ ...step.options, [k]: {} }) : undefined;
    return whole?.success ? [[k, (whole.data as Options)[k]]] : [];
  });
  return Object.fromEntries(entries) as Options;
}

/** Full options of a step with the settings in them. Errors: what the step's schema refuses; unknown options with the nearest. */
function withSettings(step: StepCount, settings: readonly (readonly [string, unknown])[]): Options {
  const rules: Rules = allSteps[step.step as StepName].rules ?? {};
  const known = [...new Set([...Object.values(rules).map(r => r.option), ...pathsOf(step.options), ...pathsOf(insides(step))])];
  let next = step.options;
  for (const [option, value] of settings) {
    // A name that only the inside of one option has may be said alone: `threshold` for `fuzzy.threshold`.
    const inner = known.filter(k => k.endsWith(`.${option}`));
    const path = known.includes(option) ? option : inner.length === 1 ? inner[0]! : option;
    next = withValue(next, path.split("."), value);
  }
  // null switches a rule off where the schema says so by absence.
  const schema = allSteps[step.step as StepName].options;
  const given = schema.safeParse(next).success
    ? next
    : Object.fromEntries(Object.entries(next).filter(([k, v]) => v !== null || valueAt(step.options, k) === null));
  return check(schema, given, step.step) as Options;
}

/** Options with `true` written out where `next` gives particulars: `fuzzy: true` stands for its defaults. */
function writtenOut(step: StepCount, next: Options): StepCount {
  const short = Object.entries(step.options).filter(([k, v]) => v === true && typeof next[k] === "object" && next[k] !== null);
  if (short.length === 0) return step;
  const options = { ...step.options, ...Object.fromEntries(short.map(([k]) => [k, {}])) };
  return { ...step, options: check(allSteps[step.step as StepName].options, options, step.step) as Options };
}

/** Which stored columns answer for the settings. */
function planOf(info: MeasuresInfo, given: StepCount, next: Options): Plan {
  const step = writtenOut(given, next);
  const definition = allSteps[step.step as StepName];
  const columns = info.columns.filter(c => c.position === step.position);
  const changed = [...new Set([...pathsOf(step.options), ...pathsOf(next)])].filter(
    p => JSON.stringify(valueAt(step.options, p)) !== JSON.stringify(valueAt(next, p)),
  );
  const rules: Rules = definition.rules ?? {};
  const tried: Plan["tried"][number][] = [];
  const notes: string[] = [];
  for (const option of changed) {
    const [from, to] = [valueAt(step.options, option), valueAt(next, option)];
    const limit = typeof to === "number" ? to : null;
    if (definition.kind === "corpus") {
      const column = columns.find(c => typeof c.threshold === "number" && c.threshold === from && c.against === c.count && c.count > 0);
      if (!column || limit === null || !/(^|\.)(threshold|similarity)$/i.test(option))
        throw cannot(
          step.step,
          option,
          "an option whose effect follows from stored values",
          JSON.stringify(to) ?? "nothing",
          `Of a step that compares documents only a raised similarity can be tried. ${anew}`,
        );
      if (limit < (from as number))
        throw cannot(
          step.step,
          option,
          `at least ${from}, the value of the run`,
          String(limit),
          `Pairs less alike than that were not recorded. ${anew}`,
        );
      tried.push({ column, option, keep: "atMost", to: limit });
      notes.push("At most so many: one that is kept now may in turn stand for another that stays dropped here.");
      continue;
    }
    const names = Object.entries(rules).filter(([, r]) => r.option === option);
    if (names.length === 0)
      throw cannot(
        step.step,
        option,
        `an option that is a threshold (${[...new Set(Object.values(rules).map(r => r.option))].join(", ") || "this step has none"})`,
        JSON.stringify(to) ?? "nothing",
        `What it changes is not a comparison with a stored value. ${anew}`,
      );
    for (const [rule, { keep }] of names) {
      const column = columns.find(c => c.rule === rule);
      if (!column)
        throw cannot(
          step.step,
          option,
          "a rule that measured in the run",
          `"${rule}", which had no threshold and stored no value`,
          `Give it a threshold that drops nothing, and values are there from then on. ${anew}`,
        );
      if (column.type === "json" || column.type === "boolean")
        throw cannot(step.step, option, "numbers", `values of ${rule} that are none`, anew);
      tried.push({ column, option, keep, to: limit });
    }
  }
  return { tried, notes, isBound: definition.kind === "corpus" && tried.length > 0 };
}

type Tried = ReturnType<typeof planOf>;

/** Verdicts of the whole step on each document, before and now (-1 no value, 0 no, 1 yes), the rules that differ, and why documents changed. */
async function judgeAgain(artifact: ArtifactReader, info: MeasuresInfo, step: StepCount, { tried, isBound }: Tried) {
  const [before, now] = [new Int8Array(info.documents).fill(-1), new Int8Array(info.documents).fill(-1)];
  const reason = new Map<number, { rule: string; value: number }>();
  const rules: TriedRule[] = [];
  for (const c of info.columns.filter(x => x.position === step.position)) {
    const column = decodeColumn(c, await artifact.read(c.file));
    const change = tried.find(t => t.column === c);
    let beyondNow = 0;
    for (let i = 0; i < c.count; i++) {
      const place = column.places ? column.places[i]! : i;
      const was = column.keeps[i] === 1;
      const value = column.values[i] as number;
      const { to, keep } = change ?? { to: null, keep: "atLeast" };
      // Likeness says no from the threshold up; other rules keep what stands on it.
      const is = !change ? was : to === null ? true : isBound ? value < to : keep === "atLeast" ? value >= to : value <= to;
      if (!is) beyondNow++;
      before[place] = Math.min(before[place] === -1 ? 1 : before[place]!, was ? 1 : 0);
      now[place] = Math.min(now[place] === -1 ? 1 : now[place]!, is ? 1 : 0);
      if (change && was !== is && !reason.has(place)) reason.set(place, { rule: c.rule, value });
    }
    if (change)
      rules.push({
        rule: c.rule,
        option: change.option,
        from: typeof c.threshold === "number" ? c.threshold : null,
        to: change.to,
        measured: c.count,
        beyondBefore: c.against,
        beyondNow,
      });
  }
  return { before, now, reason, rules };
}

/** Documents that the step would keep or drop in addition, and how many would stay what they are. */
function changesOf(fates: Uint8Array, step: StepCount, before: Int8Array, now: Int8Array) {
  const here = fate.firstDrop + step.position;
  const [kept, dropped]: [number[], number[]] = [[], []];
  let [measured, keptNow, droppedEarlier, overruled] = [0, 0, 0, 0];
  for (let place = 0; place < now.length; place++) {
    if (now[place] === -1) continue;
    measured++;
    const end = fates[place]!;
    if (now[place] === 1) {
      keptNow++;
      if (end === here) kept.push(place);
    } else if (before[place] === 0 && end !== here) overruled++;
    else if (before[place] === 1) {
      if (end >= fate.firstDrop) droppedEarlier++;
      else dropped.push(place);
    }
  }
  return { kept, dropped, measured, keptNow, droppedEarlier, overruled };
}

/** What to know of the figures. */
function notesOf(info: MeasuresInfo, step: StepCount, { tried, notes, isBound }: Tried, numKept: number, numDropped: number): string[] {
  const all = [...notes];
  if (numKept > 0 && step.position < info.steps.length - 1 && !isBound)
    all.push(
      `Later steps (${info.steps
        .slice(step.position + 1)
        .map(s => s.step)
        .join(", ")}) have not judged what would be kept in addition.`,
    );
  if (info.steps.filter(s => s.step === step.step).length > 1) all.push(`"${step.step}" runs more than once; this is its last place.`);
  if (tried.length === 0) all.push("Nothing differs from the run.");
  if (numDropped > 0 && info.steps.slice(step.position + 1).some(s => s.kind === "corpus"))
    all.push("A later step that compares documents would choose again where one that stays for its copies goes.");
  return all;
}

/** What `settings` of a step would keep and drop. Errors: `data/trial`, `data/notMeasured`, `base/config` for values the step refuses. */
export async function tryThresholds(
  artifact: ArtifactReader,
  given: { readonly step: string; readonly settings: readonly (readonly [string, unknown])[]; readonly examples?: number },
): Promise<StepTrial> {
  const info = await readMeasures(artifact);
  if (!info)
    throw dataErrors.fail("notMeasured", {
      place: artifact.id,
      expected: "an artifact with measured values",
      received: "one of an earlier version",
      hint: "`loam data run` rebuilds it, with them.",
    });
  const step = stepOf(info, given.step, artifact.id);
  const plan = planOf(info, step, withSettings(step, given.settings));
  const { examples = 5 } = given;
  const fates = await artifact.read(fatesFile);
  const { before, now, reason, rules } = await judgeAgain(artifact, info, step, plan);
  const { kept, dropped, ...counts } = changesOf(fates, step, before, now);
  const ids = await measuredIds(artifact);
  const shown = shownBy(info.steps);
  const some = (places: readonly number[]) => spread(places, examples);
  const texts = await findDocuments(artifact, new Set([...some(kept), ...some(dropped)].map(p => ids[p]!)));
  const example = (place: number): TryExample => {
    const id = ids[place]!;
    const d = texts.get(id);
    const text = d ? shown.line(d.document.text, d.side === "dropped" ? step.step : undefined) : "";
    return { id, ...reason.get(place)!, text };
  };
  return {
    artifact: artifact.id,
    step: step.step,
    position: step.position,
    rules,
    measured: counts.measured,
    keptNow: counts.keptNow,
    keptInAddition: kept.length,
    droppedInAddition: dropped.length,
    droppedEarlier: counts.droppedEarlier,
    overruled: counts.overruled,
    isBound: plan.isBound,
    kept: some(kept).map(example),
    dropped: some(dropped).map(example),
    notes: notesOf(info, step, plan, kept.length, dropped.length),
  };
}

/** A few of many, from all over. */
const spread = (places: readonly number[], n: number): number[] =>
  places.length <= n ? [...places] : Array.from({ length: n }, (_, i) => places[Math.floor((i * places.length) / n)]!);
