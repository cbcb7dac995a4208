/**
 * The two stages of data. `source` lists and fingerprints the files (cheap when nothing changed); `data` reads them, runs the steps and
 * splits. Both take the project's folder beside their options, because a path cannot change a result: a changed file does, through its hash.
 */

import { rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { defined, formatCount, hashOf, isLoamError, type Json, type Progress } from "../base/index.ts";
import { type ArtifactReader, closeJob, openTaskBoard, type Stage, type Store, stage } from "../store/index.ts";
import { type Document, readDocuments, textLines } from "./document.ts";
import { dataErrors } from "./errors.ts";
import { type DataPart, partShape } from "./part.ts";
import { curate, jobOf, reasonsLine } from "./pipeline.ts";
import { recordsOfPartition } from "./plan/job.ts";
import { keptTasks } from "./plan/kept.ts";
import type { JobProgress } from "./plan/run-job.ts";
import { type JobSpec, sharedExecutor, sharedWorkspace } from "./plan/shared.ts";
import { canRunThreads, threads } from "./plan/threads.ts";
import { memoryWorkspace, resumedWorkspace, workspaceFormat } from "./plan/workspace.ts";
import { type Need, needKey, noResources, type Resources } from "./resources.ts";
import type { ManifestEntry } from "./sources/file.ts";
import { type SourcesPart, sourceOptions } from "./sources/options.ts";
import { readers } from "./sources/readers.ts";
import { allSources, manifestOfAll, type NamedSource, openSources } from "./sources/several.ts";
import { splitVersion } from "./steps/split/split.ts";
import type { DataStep } from "./steps/step.ts";
import { steps as allSteps, type ChosenStep, chooseStep } from "./steps/steps.ts";

/** Where stages find what is not part of a result. */
export interface StageEnvironment {
  /** The project's folder. */
  readonly folder: string;
  /** A file that remembers hashes between runs. */
  readonly memory?: string;
  /** A folder that keeps what a run may take over from the one before; nothing is kept without it. */
  readonly kept?: string;
  /** Worker threads; as many as processors without it. They change how long a run takes and nothing else. */
  readonly workers?: number;
  /** Files and models for steps; none without it. */
  readonly resources?: () => Promise<Resources>;
  /** Tasks go on this store's board, where `loam data work` of any process takes them too; worker threads without it. */
  readonly shared?: Store | undefined;
}

const sourceEntries = z.array(z.strictObject({ name: z.string().optional(), options: sourceOptions }));
const sourceStageOptions = z.strictObject({ sources: sourceEntries, identity: z.string().length(64) });

const namedSources = (entries: z.output<typeof sourceEntries>): NamedSource[] => entries.map(({ name, options }) => ({ name, options }));
const entriesOf = (part: SourcesPart): z.output<typeof sourceEntries> =>
  allSources(part).map(({ name, options }) => (name === undefined ? { options } : { name, options }));

/** Options of the source stage as the files are now: its identity is what makes everything after it stale. */
export async function identifySources(part: SourcesPart, around: StageEnvironment): Promise<z.output<typeof sourceStageOptions>> {
  return { sources: entriesOf(part), identity: (await manifestOfAll(allSources(part), around)).identity };
}

/** Sources -> list of files with hashes. */
export const sourceStage = (around: StageEnvironment): Stage<never, typeof sourceStageOptions> =>
  stage({
    name: "source",
    version: 2,
    inputs: {},
    options: sourceStageOptions,
    output: "source",
    async run({ options, output }) {
      const manifest = await manifestOfAll(namedSources(options.sources), around);
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

const documentsOptions = z
  .strictObject({
    ...partShape.omit({ source: true, sources: true, augment: true, mixture: true, card: true }).shape,
    name: z.string().regex(/^[a-z0-9][a-z0-9-]*$/i, "a short name of letters, digits and -"),
    sources: sourceEntries,
    /** Digests of files and models that steps need, by `needKey`. */
    needs: z.record(z.string(), z.string()).default({}),
  })
  .transform(({ name, sources, steps, split, keep, forget, needs }) => ({
    name,
    sources,
    readers: sources.map(s => ({ name: s.options.reader, version: readers[s.options.reader].version })),
    steps: steps.map(chooseStep),
    split: { version: splitVersion, ...split },
    keep: [...new Set(keep)].sort(),
    ...(forget.length > 0 ? { forget: [...new Set(forget)].sort() } : {}),
    ...(Object.keys(needs).length > 0 ? { needs } : {}),
  }));

/** What the steps of a part need. */
export function needsOf(steps: readonly ChosenStep[]): Need[] {
  const needs = new Map<string, Need>();
  for (const { step, options } of steps) {
    const chosen: DataStep = allSteps[step];
    for (const need of chosen.needs?.(options) ?? []) needs.set(needKey(need), need);
  }
  return [...needs.values()];
}

/** Options of the documents stage for a part as it stands in the project; `identityOf` tells what a need is made of now. */
export async function documentsOptionsOf(
  name: string,
  { source, sources, augment: _, mixture: __, card: ___, ...part }: DataPart,
  identityOf?: (need: Need) => Promise<string>,
): Promise<z.input<typeof documentsOptions>> {
  const needs: Record<string, string> = {};
  for (const need of needsOf(part.steps.map(chooseStep))) {
    if (!identityOf)
      throw dataErrors.fail("resource", { place: `data.${name}.steps`, expected: `a ${need.kind}`, received: "nothing that brings one" });
    needs[needKey(need)] = await identityOf(need);
  }
  return { name, sources: entriesOf({ source, sources }), ...part, needs };
}

/** Progress is said at most this often, ms. */
const sayMs = 100;
/** Share of a run that the first wave, which reads, is taken for; the later ones share the rest. */
const readingShare = 0.6;
/** Sources below are not worth a thread's start, unless threads are asked for. */
const smallBytes = 8 * 2 ** 20;

/** A job's progress as events of the stage: documents, MB/s, kept, dropped, time left. */
function teller(progress: Progress, files: readonly ManifestEntry[]) {
  const total = files.reduce((sum, f) => sum + f.sizeBytes, 0);
  const started = performance.now();
  let [wave, waveStarted, last, furthest] = [-1, started, Number.NEGATIVE_INFINITY, 0];
  return (p: JobProgress) => {
    const now = performance.now();
    if (p.wave !== wave) [wave, waveStarted] = [p.wave, now];
    else if (now - last < sayMs && p.task < p.tasks) return;
    last = now;
    const share = p.wave === 0 ? Math.max(p.sourceBytes / (total || 1), p.task / (p.tasks || 1)) : p.task / (p.tasks || 1);
    const done =
      p.wave === 0 ? readingShare * share : readingShare + ((1 - readingShare) * (p.wave - 1 + share)) / Math.max(1, p.waves - 1);
    furthest = Math.max(furthest, Math.min(0.98, done));
    const seconds = (now - waveStarted) / 1000;
    const rate = seconds > 0.05 ? p.bytes / 1e6 / seconds : 0;
    const kept = p.read - p.setAside - p.dropped;
    const leftMs = furthest > 0.02 ? ((now - started) * (1 - furthest)) / furthest : undefined;
    const n = formatCount;
    progress({
      stage: "data",
      done: furthest,
      message: `${p.phase}: ${p.documents > 0 ? `${n(p.documents)} documents, ${rate.toFixed(1)} MB/s` : `part ${p.task} of ${p.tasks}`}, ${n(kept)} kept, ${n(p.dropped)} dropped`,
      values: {
        records: p.read,
        documents: p.documents,
        bytes: p.bytes,
        megabytesPerSecond: rate,
        kept,
        dropped: p.dropped,
        setAside: p.setAside,
        ms: now - started,
      },
      ...defined({ leftMs }),
    });
  };
}

const plainOf = (value: object): Json => JSON.parse(JSON.stringify(value)) as Json;

/** Sources -> documents, split, with the ledger. */
export const documentsStage = (around: StageEnvironment): Stage<"source", typeof documentsOptions> =>
  stage({
    name: "data",
    version: 3,
    inputs: { source: "source" },
    options: documentsOptions,
    output: "documents",
    async run({ inputs, options, output, progress, signal, scratch }) {
      const files: ManifestEntry[] = [];
      for await (const line of textLines(inputs.source.stream("files.jsonl"))) files.push(JSON.parse(line) as ManifestEntry);
      const { version: _, ...split } = options.split;
      const { name, steps, keep, forget = [] } = options;
      const sources = namedSources(options.sources);
      const job = jobOf(files, { name, steps, split, keep, forget });
      const sizeBytes = files.reduce((n, f) => n + f.sizeBytes, 0);
      const workers = Math.min(around.workers ?? availableParallelism(), job.partitions.length);
      const isWorthIt = workers > 1 && (around.workers !== undefined || sizeBytes >= smallBytes);
      const isThreaded = scratch !== "" && canRunThreads() && isWorthIt;
      const digests = Object.fromEntries(
        Object.entries(options.needs ?? {}).flatMap(([key, digest]) =>
          key.startsWith("file ") ? [[key.slice("file ".length), digest]] : [],
        ),
      );
      const spec: JobSpec = { job, sources, files: digests };
      const workspace = join(scratch, "job");
      // What the results of tasks follow from beside the job: other models or readers are another job.
      const basis = plainOf({ readers: options.readers, sources, needs: options.needs ?? {}, splitVersion: options.split.version });
      const id = hashOf({ spec: plainOf(spec), basis, format: workspaceFormat }).slice(0, 32);
      const board = around.shared && (await openTaskBoard(around.shared, id, plainOf(spec)));
      const onBoard = board && sharedWorkspace(board, around.shared!.blobs);
      const open = await openSources(sources, around.folder);
      let isOver = false;
      try {
        const made = await curate(job, output, {
          workspace: onBoard ?? (scratch === "" ? memoryWorkspace() : await resumedWorkspace(workspace)),
          resources: (await around.resources?.()) ?? noResources,
          records: (partition, onBytes) => recordsOfPartition(open, job, partition, onBytes),
          ...(onBoard
            ? { executor: runner => sharedExecutor(runner, board, onBoard) }
            : isThreaded
              ? { executor: () => threads({ ...spec, folder: around.folder, workspace }, workers) }
              : {}),
          ...(around.kept !== undefined && scratch !== "" && !onBoard
            ? {
                kept: first => keptTasks(join(around.kept!, name), workspace, job, first, basis),
              }
            : {}),
          maxBad: new Map(sources.map(s => [s.name, s.options.maxBad])),
          signal,
          onProgress: teller(progress, files),
        });
        isOver = true;
        // What an earlier run kept on this machine may hold documents that are forgotten now.
        if (onBoard && around.kept !== undefined) await rm(join(around.kept, name), { recursive: true, force: true });
        progress({ stage: "data", done: 0.99, message: `split: ${formatCount(made.kept)} documents` });
        return {
          read: made.read,
          kept: made.kept,
          dropped: made.dropped,
          setAside: made.setAside,
          ...(keep.length > 0 ? { spared: made.spared } : {}),
          ...(forget.length > 0 ? { forgotten: made.forgotten } : {}),
          reasons: reasonsLine(made.reasons),
          bytes: made.trainBytes + made.heldOutBytes,
          trainDocuments: made.train,
          trainBytes: made.trainBytes,
          heldOutDocuments: made.heldOut,
          heldOutBytes: made.heldOutBytes,
          clusters: made.clusters,
          clustered: made.clustered,
          crossing: made.crossing,
          ...(made.templated > 0 ? { templated: made.templated } : {}),
          ...Object.fromEntries([...new Set([...split.together, ...split.check])].map(a => [`crossing ${a}`, made.crossingValues[a] ?? 0])),
        };
      } catch (error) {
        // What went wrong goes wrong again; what was stopped may go on.
        isOver = isLoamError(error) && !signal.aborted;
        throw error;
      } finally {
        await open.close();
        if (board && isOver) await closeJob(around.shared!, board.job);
      }
    },
  });

export type SplitSide = "train" | "held-out";

/** What a documents artifact may hold beside its sides: documents that select, where somebody has set them apart. */
export const selecting = "validation";
export const setsApart = (artifact: Pick<ArtifactReader, "files">): boolean => artifact.files.some(f => f.name === `${selecting}.jsonl`);

/** Documents of one side of a documents artifact, in the order of their ids. */
export const documentsOf = (artifact: ArtifactReader, side: SplitSide | typeof selecting): AsyncGenerator<Document> =>
  readDocuments(artifact.stream(`${side}.jsonl`), { place: `${artifact.id}/${side}.jsonl` });
