/**
 * Bases beside each other for a classifier of `loam.yaml`, encoders and decoders alike: what each tells of the user's classes, with intervals, what it
 * needs and how long it takes, and which one to take. Chosen on the train side alone: the held-out side judges the tuned model later.
 */
import { formatBytes, formatCount, isLoamError, nearest } from "../../base/index.ts";
import { loadModel } from "../../nn/index.ts";
import type { ProjectFile } from "../../project/index.ts";
import { cliErrors } from "../../project/index.ts";
import { modelText } from "../../project/models/index.ts";
import { refusalOf } from "../../project/searching/index.ts";
import { deviceOf, findModel, foundFiles } from "../../project/serving/index.ts";
import type { TunedModel } from "../../project/tuning/index.ts";
import {
  type ClassCandidate,
  type ClassTexts,
  compareSystems,
  labelsOf,
  measureClassCandidate,
  type PairedComparison,
  readExamples,
  type SystemScore,
  sampledClasses,
} from "../../tune/index.ts";
import type { Context } from "../verb.ts";

type Classify = Extract<TunedModel["tune"], { readonly task: "classify" }>;

export interface SelectClassesGiven {
  readonly context: Context;
  readonly project: ProjectFile;
  readonly folder: string;
  /** Names of the candidates. */
  readonly names: readonly string[];
  readonly tune: Classify;
  /** The artifact of the data set that it learns from. */
  readonly documents: Parameters<typeof readExamples>[0];
  /** Texts to judge by, at most. */
  readonly most: number;
  readonly steps: number;
}

/** The recipe of a classifier of the file. Errors: cli/usage. */
export function classifierOf({ config }: ProjectFile, name: string): Classify {
  const known = Object.keys(config.tuned).filter(n => config.tuned[n]!.tune.task === "classify");
  const tune = config.tuned[name]?.tune;
  if (tune?.task === "classify") return tune;
  const near = nearest(name, known);
  throw cliErrors.fail("usage", {
    place: "loam tune select: --for",
    expected: known.length > 0 ? `a classifier of loam.yaml: ${known.join(", ")}` : "a model of loam.yaml with `tune: { task: classify }`",
    received: `"${name}"`,
    ...(near ? { hint: `Did you mean "${near}"?` } : {}),
  });
}

interface Measured extends ClassCandidate {
  readonly name: string;
}
interface Refused {
  readonly name: string;
  readonly reason: string;
}

/** Texts that train, twice as many as judge, or as many as the steps read. */
async function textsOf({ documents, tune, most, steps }: SelectClassesGiven): Promise<ClassTexts> {
  const { classes, train, validation } = await readExamples(documents, labelsOf(tune));
  return {
    classes,
    train: sampledClasses(train, Math.max(2 * most, steps * tune.batch)),
    validation: sampledClasses(validation, most),
  };
}

/** Measures them one after the other, and tells. Errors: tune/labels; cli/nothing where none is a base. */
export async function selectForClasses(o: SelectClassesGiven): Promise<void> {
  const { context, project, folder, tune, steps } = o;
  const { out, cwd, signal } = context;
  const texts = await textsOf(o);
  const device = deviceOf(project);
  const { task: _, on: __, baselines: ___, costs: ____, crossValidation: _____, ...recipe } = tune;
  const measured: Measured[] = [];
  const refused: Refused[] = [];
  for (const name of o.names) {
    signal.throwIfAborted();
    try {
      await using found = await findModel(folder, cwd, name);
      const { files } = await foundFiles(found);
      const { tokenizer } = await modelText(files);
      const base = await loadModel(files, device);
      const progress = out.progress(name);
      measured.push({ name, ...(await measureClassCandidate({ device, base, name, tokenizer, recipe, texts, steps, progress, signal })) });
      out.clear();
    } catch (error) {
      signal.throwIfAborted();
      if (!isLoamError(error)) throw error;
      refused.push({ name, reason: refusalOf(error, name, project) });
    }
  }
  tell(o, texts, measured, refused);
}

/** Classes that a candidate told, under its name. */
interface Told {
  readonly name: string;
  readonly predicted: Int32Array;
}

/** The first one beside the others. */
const compared = (texts: ClassTexts, [model, ...others]: readonly Told[]) =>
  compareSystems({
    classes: texts.classes,
    truth: Int32Array.from(texts.validation, e => e.label),
    groups: texts.validation.map(e => e.group),
    model: { ...model!, kind: "model" },
    baselines: others.map(o => ({ ...o, kind: "model" as const })),
  });
const scoresOf = (texts: ClassTexts, told: readonly Told[]): ReadonlyMap<string, SystemScore> =>
  new Map(told.length === 0 ? [] : compared(texts, told).scores.map(s => [s.name, s]));

/**
 * Scores of both, and the candidates from the best on. What counts is the better one: the head alone is the least that a base can do, and a few steps
 * may not have moved a drawn head yet.
 */
function judged(texts: ClassTexts, measured: readonly Measured[]) {
  const probes = scoresOf(
    texts,
    measured.map(c => ({ name: c.name, predicted: c.probed })),
  );
  const steps = scoresOf(
    texts,
    measured.flatMap(c => (c.tuned ? [{ name: c.name, predicted: c.tuned }] : [])),
  );
  const f1 = (scores: ReadonlyMap<string, SystemScore>, c: Measured) => scores.get(c.name)?.macroF1.value ?? -1;
  const quality = (c: Measured) => Math.max(f1(probes, c), f1(steps, c));
  const order = measured.toSorted((a, b) => quality(b) - quality(a) || a.memoryBytes - b.memoryBytes);
  const told = order.map(c => ({ name: c.name, predicted: f1(steps, c) > f1(probes, c) ? c.tuned! : c.probed }));
  const comparisons = new Map<string, PairedComparison>(compared(texts, told).comparisons.map(c => [c.against, c]));
  return { order, probes, steps, comparisons };
}

function tell(
  { context: { out }, tune, steps }: SelectClassesGiven,
  texts: ClassTexts,
  measured: readonly Measured[],
  refused: readonly Refused[],
) {
  out.line(
    `\n  On ${formatCount(texts.validation.length)} texts of data/${tune.on} that select, ${texts.classes.length} classes of ${tune.label}; ${formatCount(texts.train.length)} texts to learn from. Macro F1 [95 %]`,
  );
  if (measured.length === 0) {
    for (const r of refused) out.line(`    ${r.name}: ${r.reason}`);
    throw cliErrors.fail("nothing", {
      place: "loam tune select",
      expected: "a model that reads texts, or more",
      received: `${refused.length} that are none`,
    });
  }
  const { order, probes, steps: tuned, comparisons } = judged(texts, measured);
  const best = order[0]!;
  const near = order.filter(c => c === best || comparisons.get(c.name)!.verdict === "no significant difference");
  const taken = near.reduce((a, b) => (b.memoryBytes < a.memoryBytes ? b : a));
  const shown = (s: SystemScore) => `${s.macroF1.value.toFixed(3)} [${s.macroF1.low.toFixed(3)}, ${s.macroF1.high.toFixed(3)}]`;
  const width = Math.max(8, ...order.map(c => c.name.length)) + 2;
  const row = (mark: string, cells: readonly string[]) =>
    out.line(`  ${mark} ${cells.map((c, i) => (i === 0 ? c.padEnd(width) : c.padStart(i < 5 ? 12 : 23))).join("")}`.trimEnd());
  row(" ", ["", "", "parameters", "memory", "ms a text", "head alone", ...(steps > 0 ? [`${steps} steps`] : []), "less best"]);
  for (const c of order) {
    const d = comparisons.get(c.name);
    row(c === taken ? ">" : " ", [
      c.name,
      c.family,
      formatCount(c.parameters),
      formatBytes(c.memoryBytes),
      c.latencyMs.toFixed(c.latencyMs < 10 ? 2 : 1),
      shown(probes.get(c.name)!),
      ...(steps > 0 ? [c.tuned ? shown(tuned.get(c.name)!) : "-"] : []),
      d ? `${(-d.difference.value).toFixed(3)}${d.verdict === "no significant difference" ? " (?)" : ""}` : "",
    ]);
    if (c.untrained) out.line(`      not trained: ${c.untrained}`);
  }
  for (const r of refused) out.line(`    ${r.name}: ${r.reason}`);
  const than = comparisons.get(taken.name)?.difference;
  const reason =
    measured.length === 1
      ? "the only candidate"
      : taken !== best
        ? `${best.name} is not better beyond chance (by ${than!.value.toFixed(3)} [${than!.low.toFixed(3)}, ${than!.high.toFixed(3)}]), and it needs ${formatBytes(best.memoryBytes - taken.memoryBytes)} less memory`
        : near.length === 1
          ? "it tells these classes best, beyond chance"
          : "it tells these classes best, and of those that may be as good it needs the least memory";
  out.line(`\n  Take ${taken.name}: ${reason}.${near.length > 1 ? " (?): no significant difference to the best." : ""}`);
  out.result({
    event: "result",
    for: tune.label,
    on: tune.on,
    classes: texts.classes,
    texts: { train: texts.train.length, validation: texts.validation.length },
    steps,
    candidates: order.map(c => ({
      name: c.name,
      family: c.family,
      parameters: c.parameters,
      memoryBytes: c.memoryBytes,
      latencyMs: c.latencyMs,
      headAlone: probes.get(c.name)!.macroF1,
      fewStep: tuned.get(c.name)?.macroF1 ?? null,
      untrained: c.untrained ?? null,
      comparison: comparisons.get(c.name) ?? null,
    })),
    refused,
    recommended: taken.name,
    reason,
  });
}
