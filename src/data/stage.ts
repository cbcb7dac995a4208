/**
 * The two stages of data. `source` lists and fingerprints the files (cheap when nothing changed); `data` reads them, runs the steps and
 * splits. Both take the project's folder beside their options, because a path cannot change a result: a changed file does, through its hash.
 */
import { z } from "zod";
import { type ArtifactReader, type Stage, stage } from "../store/index.ts";
import { type Document, documentLine, readDocuments, textLines } from "./document.ts";
import { dataErrors } from "./errors.ts";
import type { LedgerEntry, Story } from "./ledger.ts";
import { countOf, curate, type Dropped, totalBytes } from "./pipeline.ts";
import { type ManifestEntry, sourceFile } from "./sources/file.ts";
import { locate } from "./sources/locate.ts";
import { manifestOf } from "./sources/manifest.ts";
import { readers } from "./sources/readers.ts";
import { type ReadRecord, type SourceOptions, sourceOptions } from "./sources/source.ts";
import { splitDocuments, splitOptions, splitVersion } from "./steps/split/split.ts";
import { chooseStep, stepEntry } from "./steps/steps.ts";

/** One entry of `data:` in `loam.yaml`. */
export const dataPart = z.strictObject({
  source: sourceOptions,
  steps: z.array(stepEntry).default(["clean", "deduplicate"]),
  split: splitOptions.prefault({}),
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
  .transform(({ name, source, steps, split }) => ({
    name,
    source,
    reader: { name: source.reader, version: readers[source.reader].version },
    steps: steps.map(chooseStep),
    split: { version: splitVersion, ...split },
  }));

async function* allRecords(root: string, files: readonly ManifestEntry[], source: SourceOptions): AsyncGenerator<ReadRecord> {
  for (const entry of files) yield* readers[source.reader].records(sourceFile(root, entry), source);
}

async function* jsonLines<T>(artifact: ArtifactReader, file: string): AsyncGenerator<T> {
  for await (const line of textLines(artifact.stream(file))) yield JSON.parse(line) as T;
}

/** Source -> documents, split, with the ledger. */
export const documentsStage = (around: Pick<Surroundings, "folder">): Stage<"source", typeof documentsOptions> =>
  stage({
    name: "data",
    version: 1,
    inputs: { source: "source" },
    options: documentsOptions,
    output: "documents",
    async run({ inputs, options, output, progress, signal }) {
      const files: ManifestEntry[] = [];
      for await (const f of jsonLines<ManifestEntry>(inputs.source, "files.jsonl")) files.push(f);
      const { root } = locate(options.source, around.folder);
      const started = performance.now();
      const say = (read: number) => {
        if (read % 250 !== 0) return;
        // Exact for one record a file; larger files only make the bar jump.
        const done = Math.min(0.95, read / files.length);
        progress({ stage: "data", done, message: `${read} records`, values: { records: read, ms: performance.now() - started } });
      };
      const curated = await curate(allRecords(root, files, options.source), {
        name: options.name,
        steps: options.steps,
        maxBad: options.source.maxBad,
        signal,
        onRead: say,
      });
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
      return {
        read: curated.read,
        kept: curated.kept.length,
        dropped: curated.dropped.length,
        setAside: curated.setAside.length,
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

/** Everything the record knows of one document: what was edited, what dropped it, who stays in its place. Errors: `data/unknownDocument`. */
export async function explain(artifact: ArtifactReader, id: string): Promise<Story> {
  for (const side of ["train", "held-out", "dropped"] as const) {
    for await (const d of jsonLines<Document>(artifact, `${side}.jsonl`)) {
      if (d.id !== id) continue;
      const entries: LedgerEntry[] = [];
      for await (const e of jsonLines<LedgerEntry>(artifact, "ledger.jsonl")) if (e.document === id) entries.push(e);
      return { id, source: d.source, side, attributes: d.attributes, entries, text: d.text };
    }
  }
  throw dataErrors.fail("unknownDocument", {
    place: artifact.id,
    expected: "the id of a document that was read",
    received: `"${id}"`,
    hint: "Ids are listed in members.txt (kept) and dropped.jsonl.",
  });
}
