/** What an evaluation of a model's own test set kept of each text, as items of a task: of classes, sets of labels, numbers, and of bits per byte. */
import { z } from "zod";
import { check, defined } from "../../base/index.ts";
import { bitsOfDocument, bitsOfDocumentsFile, type ItemResult, type ResultHead } from "../../evaluate/index.ts";
import { type ArtifactInfo, openArtifact, type Store } from "../../store/index.ts";

export interface MeasuredTask {
  readonly head: ResultHead;
  readonly artifact: string;
  readonly atMs: number;
  readonly items: readonly ItemResult[];
  /** Where the task says what mistakes cost (`head.costs`): the items that choose a threshold, as they stand behind those that are told of. */
  readonly choosing?: readonly ItemResult[];
  /** What its intervals leave out, where they do. */
  readonly note?: string;
}

/** The task of a tuned classifier's own test part. */
export const testTask = "test";

export const groupsOption = z.strictObject({
  by: z.array(z.array(z.string()).min(1)).min(1),
  positive: z.string().optional(),
  least: z.number(),
  small: z.enum(["undefined", "leave-out"]),
});
export const artifactJsonLines = async (store: Store, artifact: string, file: string): Promise<unknown[]> =>
  (await (await openArtifact(store, artifact)).read(file))
    .toString("utf8")
    .split("\n")
    .filter(Boolean)
    .map(line => JSON.parse(line) as unknown);
export const artifactJson = async (store: Store, artifact: string, file: string): Promise<unknown> =>
  JSON.parse((await (await openArtifact(store, artifact)).read(file)).toString("utf8"));

const prediction = z.looseObject({
  id: z.string(),
  truth: z.string(),
  predicted: z.string(),
  scores: z.array(z.number()),
  // absent in artifacts of earlier versions
  group: z.string().optional(),
  text: z.string().optional(),
  attributes: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
});
export const mistakeCosts = z.object({ positive: z.string(), falsePositive: z.number(), falseNegative: z.number() });
const classReport = z.looseObject({
  task: z.literal("classification"),
  classes: z.array(z.string()),
  /** Where tuning was told what mistakes cost: the threshold that the version tells its classes by was chosen then. */
  threshold: mistakeCosts.optional(),
  /** Where the recipe names groups. */
  groups: groupsOption.optional(),
});

/** Of predictions that were kept before they named their groups. */
const ungrouped = "its intervals take texts one by one: this evaluation kept no groups; tuning it again does";

/**
 * A tuned classifier's report, as items of a task, in the groups that the report's intervals are drawn by; where an earlier evaluation kept none, each text is
 * drawn by itself. It has no times.
 */
export async function classifierResult(store: Store, info: ArtifactInfo): Promise<MeasuredTask | undefined> {
  const report = classReport.safeParse(await artifactJson(store, info.id, "report.json")).data;
  if (!report || !info.files.some(f => f.name === "predictions.jsonl")) return undefined;
  const { classes } = report;
  const read = (await artifactJsonLines(store, info.id, "predictions.jsonl")).map((line, i) =>
    check(prediction, line, `${info.id}/predictions.jsonl:${i + 1}`),
  );
  const items = read.map((p, i): ItemResult => {
    return {
      id: p.id,
      place: `${info.id}/predictions.jsonl:${i + 1}`,
      prompt: p.text ?? "",
      right: p.truth,
      came: p.predicted,
      ms: Number.NaN,
      attributes: p.attributes ?? {},
      ...defined({ cluster: p.group }),
      choices: classes,
      gold: [classes.indexOf(p.truth)],
      // a threshold may tell another class than the likeliest
      told: classes.indexOf(p.predicted),
      // a probability of 0 is one that rounding has taken
      logLikelihoods: p.scores.map(x => Math.log(Math.max(1e-300, x))),
    };
  });
  const note = read.some(p => p.group === undefined) ? { note: ungrouped } : {};
  const costs = report.threshold && { costs: { ...report.threshold, isTold: true as const } };
  const groupings = defined({ groups: report.groups });
  return { head: { task: testTask, output: "classify", ...costs, ...groupings }, artifact: info.id, atMs: info.createdMs, items, ...note };
}

const kept = z.looseObject({ id: z.string(), text: z.string(), group: z.string() });
const number = kept.extend({ truth: z.number(), predicted: z.number() });
const labelSet = kept.extend({ labels: z.array(z.string()), told: z.array(z.string()) });
type Parts = Omit<ItemResult, "place" | "ms" | "attributes">;

function numberItem({ id, text, group, truth, predicted }: z.output<typeof number>): Parts {
  const [right, came] = [truth, predicted].map(x => String(Number(x.toPrecision(6)))) as [string, string];
  return { id, prompt: text, right, came, cluster: group, numbers: { right: truth, came: predicted } };
}

function labelSetItem({ id, text, group, labels, told }: z.output<typeof labelSet>): Parts {
  const both = told.filter(l => labels.includes(l)).length;
  const [right, came] = [labels.join(", "), told.join(", ")];
  return {
    id,
    prompt: text,
    right,
    came,
    cluster: group,
    labelSet: { both, wrong: told.length - both, missed: labels.length - both },
  };
}

function bitsItem({ id, text, bits, bytes, words }: z.output<typeof bitsOfDocument>): Parts {
  const came = `${(bits / bytes).toFixed(4)} bits per byte`;
  return { id, prompt: text, right: "", came, logLikelihood: -bits * Math.LN2, words, textBytes: bytes };
}

/** A row for each kind of report that keeps items beside classes: its file, its lines, and what they are measured by. */
interface Row {
  readonly file: string;
  readonly output: ResultHead["output"];
  readonly task: string;
  read(line: unknown, place: string): Parts;
}
const row = <T>(file: string, task: string, output: Row["output"], schema: z.ZodType<T>, item: (line: T) => Parts): Row => ({
  file,
  task,
  output,
  read: (line, place) => item(check(schema, line, place)),
});
const rows: Readonly<Record<string, Row>> = {
  regression: row("predictions.jsonl", testTask, "number", number, numberItem),
  "multi-label classification": row("predictions.jsonl", testTask, "label_set", labelSet, labelSetItem),
  "bits-per-byte": row(bitsOfDocumentsFile, "bits-per-byte", "loglikelihood_rolling", bitsOfDocument, bitsItem),
};

/**
 * Of an evaluation, what came of each text of its test set; undefined where it kept none: those of earlier versions kept items of classes alone.
 * Errors: those of the artifact's files.
 */
export async function evaluationItems(store: Store, info: ArtifactInfo): Promise<MeasuredTask | undefined> {
  const { task } = check(z.looseObject({ task: z.string() }), await artifactJson(store, info.id, "report.json"), `${info.id}/report.json`);
  if (!Object.hasOwn(rows, task)) return classifierResult(store, info);
  const { file, output, task: name, read } = rows[task]!;
  if (!info.files.some(f => f.name === file)) return undefined;
  const lines = await artifactJsonLines(store, info.id, file);
  // lines of earlier versions name neither text nor group
  if (!lines.every(line => kept.partial({ group: true }).safeParse(line).success)) return undefined;
  const items = lines.map((line, i): ItemResult => {
    const place = `${info.id}/${file}:${i + 1}`;
    return { ...read(line, place), place, ms: Number.NaN, attributes: {} };
  });
  return { head: { task: name, output }, artifact: info.id, atMs: info.createdMs, items };
}
