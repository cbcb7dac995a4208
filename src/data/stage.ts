/**
 * The two stages of data. `source` lists and fingerprints the files (cheap when nothing changed); `data` reads them, runs the steps and
 * splits. Both take the project's folder beside their options, because a path cannot change a result: a changed file does, through its hash.
 */
import { z } from "zod";
import { formatCount, type Progress } from "../base/index.ts";
import { type ArtifactReader, type ArtifactWriter, type Stage, stage } from "../store/index.ts";
import { type Document, documentLine, readDocuments, textLines } from "./document.ts";
import { dataErrors } from "./errors.ts";
import { type ColumnInfo, fate, fatesFile, type MeasuresInfo, measuredIdsFile, measuresFile } from "./measures.ts";
import { type Curated, type CurateProgress, countOf, curate, type Dropped, type Measured, totalBytes } from "./pipeline.ts";
import { type ManifestEntry, sourceFile } from "./sources/file.ts";
import { locate } from "./sources/locate.ts";
import { manifestOf } from "./sources/manifest.ts";
import { readers } from "./sources/readers.ts";
import { type ReadRecord, type SourceOptions, sourceOptions } from "./sources/source.ts";
import { splitDocuments, splitOptions, splitVersion } from "./steps/split/split.ts";
import { steps as allSteps, type ChosenStep, chooseStep, stepEntry } from "./steps/steps.ts";

/** One entry of `data:` in `loam.yaml`. */
export const dataPart = z.strictObject({
  source: sourceOptions,
  steps: z.array(stepEntry).default(["clean", "deduplicate"]),
  split: splitOptions.prefault({}),
  /** Ids of documents that stay whatever the steps say; the ledger tells whose verdict was overruled. */
  keep: z.array(z.string().min(1)).default([]),
});
export type DataPart = z.output<typeof dataPart>;

/** Where stages find what is not part of a result. */
export interface Surroundings {
  /** The project's folder. */
  readonly folder: string;
  /** A file that remembers hashes between runs. */
  readonly memory?: string;
}

const sourceStageOptions = z.strictObject({ source: sourceOptions, identity: z.string().length(64) });

/** Options of the source stage as the files are now: its identity is what makes everything after it stale. */
export async function identify(source: SourceOptions, around: Surroundings): Promise<z.output<typeof sourceStageOptions>> {
  return { source, identity: (await manifestOf(source, around)).identity };
}

/** Source -> list of files with hashes. */
export const sourceStage = (around: Surroundings): Stage<never, typeof sourceStageOptions> =>
  stage({
    name: "source",
    version: 1,
    inputs: {},
    options: sourceStageOptions,
    output: "source",
    async run({ options, output }) {
      const manifest = await manifestOf(options.source, around);
      if (manifest.identity !== options.identity)
        throw dataErrors.fail("sourceChanged", {
          place: `source (${manifest.origin})`,
          expected: `identity ${options.identity.slice(0, 12)}`,
          received: manifest.identity.slice(0, 12),
          hint: "Files changed while the run began; run the same command again.",
        });
      await output.writeStream(
        "files.jsonl",
        manifest.files.map(f => `${JSON.stringify(f)}\n`),
      );
      const sizeBytes = manifest.files.reduce((sum, f) => sum + f.sizeBytes, 0);
      return { origin: manifest.origin, files: manifest.files.length, sizeBytes };
    },
  });

const documentsOptions = dataPart
  .extend({ name: z.string().regex(/^[a-z0-9][a-z0-9-]*$/i, "a short name of letters, digits and -") })
  .transform(({ name, source, steps, split, keep }) => ({
    name,
    source,
    reader: { name: source.reader, version: readers[source.reader].version },
    steps: steps.map(chooseStep),
    split: { version: splitVersion, ...split },
    keep: [...new Set(keep)].sort(),
  }));

/** Records of all files; `onBytes` hears how many bytes of files were begun. */
async function* allRecords(
  root: string,
  files: readonly ManifestEntry[],
  source: SourceOptions,
  onBytes: (bytes: number) => void,
): AsyncGenerator<ReadRecord> {
  let begun = 0;
  for (const entry of files) {
    yield* readers[source.reader].records(sourceFile(root, entry), source);
    begun += entry.sizeBytes;
    onBytes(begun);
  }
}

/** Progress is said at most this often, ms. */
const sayMs = 100;
/** Share of a run that reading and what runs with it is taken for; the rest is the barriers' and the split's. */
const readingShare = 0.8;

/** A pass's progress as events of the stage: documents, MB/s, kept, dropped, time left. */
function teller(progress: Progress, files: readonly ManifestEntry[], steps: readonly ChosenStep[]) {
  const total = files.reduce((sum, f) => sum + f.sizeBytes, 0);
  const started = performance.now();
  let [bytes, phase, phaseStarted, phases, last] = [0, "", started, -1, Number.NEGATIVE_INFINITY];
  const barriers =
    1 +
    Math.max(
      0,
      steps.length -
        Math.max(
          0,
          steps.findIndex(s => allSteps[s.step].kind === "corpus"),
        ),
    );
  return {
    onBytes: (begun: number) => {
      bytes = begun;
    },
    onProgress: (p: CurateProgress) => {
      const now = performance.now();
      const isNew = p.phase !== phase;
      if (isNew) [phase, phaseStarted, phases] = [p.phase, now, phases + 1];
      else if (now - last < sayMs) return;
      last = now;
      const share = phases === 0 ? bytes / (total || 1) : p.documents / (p.of || 1);
      const done = phases === 0 ? readingShare * share : readingShare + (1 - readingShare) * Math.min(1, (phases - 1 + share) / barriers);
      const seconds = (now - phaseStarted) / 1000;
      const rate = seconds > 0.05 ? p.bytes / 1e6 / seconds : 0;
      const leftMs = done > 0.02 ? ((now - started) * (1 - done)) / done : undefined;
      const n = formatCount;
      const of = p.of === undefined ? "" : ` of ${n(p.of)}`;
      progress({
        stage: "data",
        done: Math.min(0.99, done),
        message: `${p.phase}: ${n(p.documents)}${of}, ${rate.toFixed(1)} MB/s, ${n(p.kept)} kept, ${n(p.dropped)} dropped`,
        values: {
          records: p.read,
          documents: p.documents,
          bytes: p.bytes,
          megabytesPerSecond: rate,
          kept: p.kept,
          dropped: p.dropped,
          setAside: p.setAside,
          ms: now - started,
        },
        ...(leftMs === undefined ? {} : { leftMs }),
      });
    },
  };
}

/** What happened to each document, for `measures/`: the fates of the pass, with the sides of the split. */
function withSides({ ids, fates }: Measured, heldOut: readonly Document[]): Uint8Array {
  const held = new Set(heldOut.map(d => d.id));
  return fates.map((f, i) => (f === fate.train && held.has(ids[i]!) ? fate.heldOut : f));
}

async function writeMeasures(output: ArtifactWriter, { measured, steps }: Curated, heldOut: readonly Document[]): Promise<void> {
  await output.writeStream(
    measuredIdsFile,
    measured.ids.map(id => `${id}\n`),
  );
  await output.write(fatesFile, withSides(measured, heldOut));
  const columns: ColumnInfo[] = [];
  for (const { info, pieces } of measured.columns) {
    await output.writeStream(info.file, pieces);
    columns.push(info);
  }
  const info: MeasuresInfo = { format: 1, documents: measured.ids.length, steps, columns };
  await output.write(measuresFile, `${JSON.stringify(info)}\n`);
}

/** Source -> documents, split, with the ledger. */
export const documentsStage = (around: Pick<Surroundings, "folder">): Stage<"source", typeof documentsOptions> =>
  stage({
    name: "data",
    version: 2,
    inputs: { source: "source" },
    options: documentsOptions,
    output: "documents",
    async run({ inputs, options, output, progress, signal }) {
      const files: ManifestEntry[] = [];
      for await (const line of textLines(inputs.source.stream("files.jsonl"))) files.push(JSON.parse(line) as ManifestEntry);
      const { root } = locate(options.source, around.folder);
      const told = teller(progress, files, options.steps);
      const curated = await curate(allRecords(root, files, options.source, told.onBytes), {
        name: options.name,
        steps: options.steps,
        maxBad: options.source.maxBad,
        keep: options.keep,
        signal,
        onProgress: told.onProgress,
      });
      progress({ stage: "data", done: 0.99, message: `split: ${formatCount(curated.kept.length)} documents` });
      const { version: _, ...split } = options.split;
      const { train, heldOut, clusters, crossing } = splitDocuments(curated.kept, split);
      if (split.by === "near-duplicate" && crossing[0])
        throw dataErrors.fail("leakage", {
          place: crossing[0].heldOut,
          expected: `no train document with a similarity of ${split.near.threshold} or more`,
          received: `${crossing[0].train} with ${crossing[0].similarity.toFixed(3)}`,
        });

      await output.writeStream("train.jsonl", train.map(documentLine));
      await output.writeStream("held-out.jsonl", heldOut.map(documentLine));
      await output.writeStream("dropped.jsonl", curated.dropped.map(droppedLine));
      const line = (value: object) => `${JSON.stringify(value)}\n`;
      await output.writeStream("ledger.jsonl", curated.ledger.map(line));
      await output.writeStream("set-aside.jsonl", curated.setAside.map(line));
      await output.writeStream(
        "members.txt",
        curated.kept.map(d => `${d.id}\n`),
      );
      await writeMeasures(output, curated, heldOut);
      return {
        read: curated.read,
        kept: curated.kept.length,
        dropped: curated.dropped.length,
        setAside: curated.setAside.length,
        ...(options.keep.length > 0 ? { spared: curated.ledger.filter(e => e.action === "keep").length } : {}),
        reasons: countOf([...curated.setAside.map(s => s.reason), ...curated.dropped.map(d => `${d.step}/${d.verdict.rule}`)]),
        bytes: totalBytes(curated.kept),
        trainDocuments: train.length,
        trainBytes: totalBytes(train),
        heldOutDocuments: heldOut.length,
        heldOutBytes: totalBytes(heldOut),
        clusters: new Set(clusters.values()).size,
        clustered: clusters.size,
        crossing: crossing.length,
      };
    },
  });

function droppedLine({ document, step, verdict }: Dropped): string {
  const { keep: _, ...why } = verdict;
  return `${JSON.stringify({ id: document.id, source: document.source, dropped: { step, ...why }, attributes: document.attributes, text: document.text })}\n`;
}

export type Side = "train" | "held-out";

/** Documents of one side of a documents artifact, in the order of their ids. */
export const documentsOf = (artifact: ArtifactReader, side: Side): AsyncGenerator<Document> =>
  readDocuments(artifact.stream(`${side}.jsonl`), { place: `${artifact.id}/${side}.jsonl` });
