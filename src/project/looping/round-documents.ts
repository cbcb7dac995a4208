/**
 * The documents of a round as an artifact: new labelled ones and a replay sample train; the model's own test set (frozen) and a part of the new ones (recent)
 * test. Both data sets are as they are curated now, so what was erased from them is in neither part. A new document that is a copy (or nearly one) of a frozen
 * test document is not used, and one of what a version has learnt from tests nothing: else a round would praise itself for what it has read. And the new
 * labelled documents as a test set alone, by which a version is watched.
 */
import { z } from "zod";
import { type Document, documentLine, documentsOf, likeAcross } from "../../data/index.ts";
import { type DatedRow, drawRound, loopErrors } from "../../loop/index.ts";
import { type ArtifactReader, type ArtifactWriter, membersFile, type Stage, stage } from "../../store/index.ts";
import { feedbackReader } from "./feedback-labels.ts";
import { loopRowOptions, rowReader } from "./loop-rows.ts";

const setsFile = "loop-sets.json";
const setNames = z.object({ recent: z.array(z.string()) });

/** Time of a document: a date, or milliseconds since 1970; null where it has none. */
function documentTime({ attributes }: Pick<Document, "attributes">, attribute: string): number | null {
  const value = attributes[attribute];
  const ms = typeof value === "number" ? value : typeof value === "string" ? Date.parse(value) : Number.NaN;
  return Number.isFinite(ms) ? ms : null;
}

const windowOptions = z.strictObject({
  rows: loopRowOptions,
  /** Attribute with the time. */
  time: z.string(),
  /** Attribute with the id of a document's request. */
  feedback: z.string().optional(),
  /** New documents come after this time; null: all are new. */
  sinceMs: z.number().nullable(),
  untilMs: z.number(),
});
type WindowOptions = z.output<typeof windowOptions>;
const noOptions = z.strictObject({});
const roundOptions = windowOptions.extend({ replay: z.number(), recent: z.number(), seed: z.union([z.number(), z.string()]) });

interface Dated extends DatedRow {
  readonly document: Document;
}

/** Labelled documents of both sides by id. */
async function labelledOf(
  artifact: ArtifactReader,
  o: Pick<WindowOptions, "rows" | "time">,
  sides: readonly ("train" | "held-out")[],
  labelled: (document: Document) => Document = document => document,
) {
  const classIn = rowReader(o.rows);
  const rows = new Map<string, Dated>();
  for (const side of sides)
    for await (const read of documentsOf(artifact, side)) {
      const document = labelled(read);
      const label = classIn(document);
      if (label === undefined) continue;
      const group = typeof document.attributes.cluster === "string" ? `${artifact.id}/${document.attributes.cluster}` : document.id;
      rows.set(document.id, { id: document.id, label, group, atMs: documentTime(document, o.time), document });
    }
  return rows;
}

const bothSides = ["train", "held-out"] as const;

const copiesFile = "loop-copies.json";
const copyNames = z.object({
  /** New documents that are like a frozen test document. */
  frozen: z.array(z.string()),
  /** By new document, the document of the model's own train side that it is like. */
  known: z.record(z.string(), z.string()),
});

/** Which new documents are copies or near-duplicates of the model's own data set, by the comparison of the split. */
export const copiesStage: Stage<"base" | "fresh", typeof noOptions> = stage({
  name: "loop-copies",
  version: 1,
  inputs: { base: "documents", fresh: "documents" },
  options: noOptions,
  output: "loop-copies",
  async run({ inputs, output, signal }) {
    const read = async (artifact: ArtifactReader, sides: readonly ("train" | "held-out")[]) => {
      const all: Pick<Document, "id" | "text">[] = [];
      for (const side of sides) for await (const { id, text } of documentsOf(artifact, side)) all.push({ id, text });
      return all.sort((a, b) => (a.id < b.id ? -1 : 1));
    };
    const fresh = await read(inputs.fresh, bothSides);
    const likeIn = async (side: "train" | "held-out") => {
      const own = await read(inputs.base, [side]);
      signal.throwIfAborted();
      const found = likeAcross(
        own.map(d => d.text),
        fresh.map(d => d.text),
      );
      return fresh.flatMap(({ id }, i) => (found[i] ? [[id, own[found[i].text]!.id] as const] : []));
    };
    const [frozen, known] = [(await likeIn("held-out")).map(([id]) => id), await likeIn("train")];
    await output.write(copiesFile, JSON.stringify({ frozen, known: Object.fromEntries(known) }));
    return { frozen: frozen.length, known: known.length };
  },
});

type Copies = z.output<typeof copyNames>;
const readCopies = async (artifact: ArtifactReader): Promise<Copies> =>
  copyNames.parse(JSON.parse((await artifact.read(copiesFile)).toString("utf8")));

/** Without groups that have a copy of a frozen test document. */
function withoutFrozen(rows: readonly Dated[], { frozen }: Pick<Copies, "frozen">): Dated[] {
  const ids = new Set(frozen);
  const groups = new Set(rows.filter(r => ids.has(r.id)).map(r => r.group));
  return rows.filter(r => !groups.has(r.group));
}

/** Groups that have a copy of a document of the model's train side are that document's. */
function joinedToKnown(rows: readonly Dated[], { known: copies }: Pick<Copies, "known">, known: ReadonlyMap<string, Dated>): Dated[] {
  const groups = new Map<string, string>();
  for (const { id, group } of rows) {
    const own = Object.hasOwn(copies, id) ? known.get(copies[id]!)?.group : undefined;
    if (own !== undefined && !groups.has(group)) groups.set(group, own);
  }
  return rows.map(r => ({ ...r, group: groups.get(r.group) ?? r.group }));
}

interface Divided {
  readonly fresh: readonly Dated[];
  /** Of earlier rounds. */
  readonly used: readonly Dated[];
}

/** New documents and those of earlier rounds; documents from the future wait, and one without a time is never new. */
async function dividedByTime(fresh: ArtifactReader, said: ArtifactReader, o: WindowOptions): Promise<Divided> {
  const labelled =
    o.feedback === undefined || o.rows.says !== "class"
      ? undefined
      : await feedbackReader(said, { request: o.feedback, label: o.rows.labels.label });
  const all = [...(await labelledOf(fresh, o, bothSides, labelled)).values()];
  const isUsed = (r: Dated) => r.atMs !== null && o.sinceMs !== null && r.atMs <= o.sinceMs;
  return { fresh: all.filter(r => r.atMs !== null && r.atMs <= o.untilMs && !isUsed(r)), used: all.filter(isUsed) };
}

/** How many labelled documents are new and can be used. */
export const countNew = async (
  { fresh, copies, said }: Readonly<Record<"fresh" | "copies" | "said", ArtifactReader>>,
  o: WindowOptions,
): Promise<number> => withoutFrozen((await dividedByTime(fresh, said, o)).fresh, await readCopies(copies)).length;

/** Classes of the model's own train side. */
export const classesOf = async (base: ArtifactReader, o: Pick<WindowOptions, "rows" | "time">): Promise<ReadonlySet<string>> =>
  new Set([...(await labelledOf(base, o, ["train"])).values()].map(r => r.label));

async function writeSides(output: ArtifactWriter, train: readonly Document[], heldOut: readonly Document[]): Promise<void> {
  const byId = (a: Document, b: Document) => (a.id < b.id ? -1 : 1);
  for (const [name, side] of [
    ["train", train],
    ["held-out", heldOut],
  ] as const)
    await output.write(`${name}.jsonl`, side.toSorted(byId).map(documentLine).join(""));
  await output.write(
    membersFile,
    [...train, ...heldOut]
      .map(d => `${d.id}\n`)
      .sort()
      .join(""),
  );
}

/** The same id in both data sets must be the same document. Errors: loop/data. */
function withoutKnown(fresh: readonly Dated[], known: ReadonlyMap<string, Dated>, place: string): Dated[] {
  return fresh.filter(r => {
    const other = known.get(r.id);
    if (!other) return true;
    if (other.document.text === r.document.text) return false;
    throw loopErrors.fail("data", {
      place: `${place}: ${r.id}`,
      expected: "an id that no document of the model's own data set has",
      received: "another text with this id",
      hint: "Give the new documents ids of their own: another file name, or an `id` field.",
    });
  });
}

/** Errors: loop/data for ids that both data sets have. */
export const roundDocumentsStage: Stage<"base" | "fresh" | "copies" | "said", typeof roundOptions> = stage({
  name: "loop-documents",
  version: 2,
  inputs: { base: "documents", fresh: "documents", copies: "loop-copies", said: "loop-feedback" },
  options: roundOptions,
  output: "documents",
  async run({ inputs, options, output }) {
    const known = await labelledOf(inputs.base, options, bothSides);
    const frozen = await labelledOf(inputs.base, options, ["held-out"]);
    const divided = await dividedByTime(inputs.fresh, inputs.said, options);
    const copies = await readCopies(inputs.copies);
    const isUsed = new Set(divided.used.map(r => r.id));
    // groups have members of both
    const usable = joinedToKnown(withoutFrozen([...divided.fresh, ...divided.used], copies), copies, known);
    const fresh = withoutKnown(
      usable.filter(r => !isUsed.has(r.id)),
      known,
      inputs.fresh.id,
    );
    const used = withoutKnown(
      usable.filter(r => isUsed.has(r.id)),
      known,
      inputs.fresh.id,
    );
    const earlier = [...[...known.values()].filter(r => !frozen.has(r.id)), ...used];
    const drawn = drawRound(fresh, earlier, options);
    const byId = new Map([...fresh, ...earlier].map(r => [r.id, r.document]));
    const documents = (ids: readonly string[]) => ids.map(id => byId.get(id)!);
    const train = documents([...drawn.fresh, ...drawn.replayed]);
    await writeSides(output, train, [...[...frozen.values()].map(r => r.document), ...documents(drawn.recent)]);
    await output.write(setsFile, JSON.stringify({ recent: drawn.recent }));
    return {
      fresh: drawn.fresh.length,
      replayed: drawn.replayed.length,
      recent: drawn.recent.length,
      frozen: frozen.size,
      copies: divided.fresh.length + divided.used.length - usable.length,
      trainDocuments: train.length,
      untilMs: fresh.reduce((latest, r) => Math.max(latest, r.atMs ?? latest), options.sinceMs ?? 0),
    };
  },
});

/** Ids of the recent test set of a round's documents. */
export async function recentIds(documents: ArtifactReader): Promise<ReadonlySet<string>> {
  return new Set(setNames.parse(JSON.parse((await documents.read(setsFile)).toString("utf8"))).recent);
}

/** The new labelled documents as a test set. Errors of numbers are counted in variances of what the model was trained on, so those come along. */
export const windowDocumentsStage: Stage<"base" | "fresh" | "said", typeof windowOptions> = stage({
  name: "loop-window",
  version: 2,
  inputs: { base: "documents", fresh: "documents", said: "loop-feedback" },
  options: windowOptions,
  output: "documents",
  async run({ inputs, options, output }) {
    const { fresh } = await dividedByTime(inputs.fresh, inputs.said, options);
    const scale = options.rows.says === "number" ? [...(await labelledOf(inputs.base, options, ["train"])).values()] : [];
    await writeSides(
      output,
      scale.map(r => r.document),
      fresh.map(r => r.document),
    );
    return { documents: fresh.length };
  },
});
