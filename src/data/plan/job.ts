/**
 * A pass of curation as data: which files, which steps, and the waves of tasks that carry it out. A wave begins when the one before it is
 * done; its tasks know nothing of one another. Partitions and bins follow from the files alone, never from who works.
 */

import { sha256 } from "../../base/index.ts";
import { openedName } from "../sources/compressed/expand.ts";
import type { ManifestEntry } from "../sources/file.ts";
import { withoutExtension } from "../sources/labels.ts";
import type { OpenSources } from "../sources/several.ts";
import type { ReadRecord } from "../sources/source.ts";
import type { SplitOptions } from "../steps/split/options.ts";
import type { CorpusPlan, DataStep } from "../steps/step.ts";
import type { ChosenStep } from "../steps/steps.ts";

/** Everything a worker needs to know; plain data. */
export interface DataJob {
  /** The data set's: ids begin with it. */
  readonly name: string;
  /** Files of one source each, that one task reads one after the other. */
  readonly partitions: readonly (readonly ManifestEntry[])[];
  readonly bins: number;
  readonly steps: readonly ChosenStep[];
  readonly split: SplitOptions;
  /** Ids of documents that stay whatever the steps say. */
  readonly keep: readonly string[];
  /** Ids of documents that are passed over as if they were not there. */
  readonly forget: readonly string[];
}

/** The records of a partition, file after file; `onBytes` hears how many bytes of files are behind. */
export async function* recordsOfPartition(
  open: OpenSources,
  job: DataJob,
  partition: number,
  onBytes: (bytes: number) => void,
): AsyncGenerator<ReadRecord> {
  let bytes = 0;
  for (const file of job.partitions[partition]!) {
    yield* open.records(file);
    bytes += file.sizeBytes;
    onBytes(bytes);
  }
}

/** What a wave of documents does with each, in order. Positions are places among the steps. */
export type JobOperation =
  | { readonly do: "read" }
  | { readonly do: "apply" | "tag" | "settle"; readonly position: number }
  | { readonly do: "ask"; readonly position: number; readonly phase: number };

export type Wave =
  | {
      readonly kind: "documents";
      readonly operations: readonly JobOperation[];
      /** Earlier waves whose tasks left the documents, and messages to them. */
      readonly from: number | undefined;
      readonly told: readonly number[];
      /** Whether documents are left for later waves. */
      readonly writes: boolean;
      /** In the process that has the models. */
      readonly atHost: boolean;
    }
  | {
      readonly kind: "reduce";
      readonly position: number;
      readonly phase: number;
      readonly round: number;
      /** Waves whose tasks sent. */
      readonly from: readonly number[];
    }
  | {
      /** What all tasks of documents left, by id: each task does a range of ids. */
      readonly kind: "order";
      readonly from: readonly number[];
    }
  | {
      /** Values that steps measured, a column a rule over all ids: each task does some columns. */
      readonly kind: "columns";
      readonly from: readonly number[];
    };

/** Tasks that columns are shared among. */
export const columnTasks = 8;
/** Columns that are put together at once: each takes 25 bytes a document. */
const columnsAtOnce = 2;
/** How many workers may do tasks of a wave at once. */
export const waveWidth = (wave: Wave): number => (wave.kind === "columns" ? columnsAtOnce : Number.POSITIVE_INFINITY);

/** Source bytes of a partition: large enough that few are needed, small enough that many workers have something to do. */
const partitionBytes = 16 * 2 ** 20;
/** Source bytes a bin stands for. */
const binBytes = 64 * 2 ** 20;
const maxBins = 512;

/**
 * Files packed into partitions, in the order of their names; where one ends follows from a file's own name where it can, so that a file that is
 * added or removed changes few. Files that differ only in their endings come together: their documents' ids may be the same but for a number.
 */
export function partitionsOf(files: readonly ManifestEntry[], targetBytes = partitionBytes): ManifestEntry[][] {
  const stems = new Map(files.map(f => [f, `${f.of ?? ""}/${withoutExtension(openedName(f.path))}`]));
  const sorted = [...files].sort((a, b) => {
    const [s, t] = [stems.get(a)!, stems.get(b)!];
    return s === t ? (a.path < b.path ? -1 : 1) : s < t ? -1 : 1;
  });
  const partitions: ManifestEntry[][] = [];
  let size = 0;
  let last: ManifestEntry | undefined;
  for (const f of sorted) {
    const stem = stems.get(f)!;
    const mayEnd = size > 0 && stem !== stems.get(last!);
    // One in so many files ends a partition that is half full that the other half is filled on average.
    const chance = last ? last.sizeBytes / (targetBytes / 2) : 0;
    const isEnd =
      size + f.sizeBytes > 2 * targetBytes || (size >= targetBytes / 2 && Number.parseInt(sha256(stem).slice(0, 8), 16) < chance * 2 ** 32);
    if (!last || (mayEnd && isEnd) || f.of !== last.of) {
      partitions.push([]);
      size = 0;
    }
    partitions.at(-1)!.push(f);
    size += f.sizeBytes;
    last = f;
  }
  return partitions;
}
/** A power of two: a corpus that grows a little keeps its bins. */
export const binsFor = (sizeBytes: number): number => Math.min(maxBins, 2 ** Math.ceil(Math.log2(Math.max(1, sizeBytes / binBytes))));

/** What the waves need to know of a step. */
interface StepShape {
  readonly kind: DataStep["kind"];
  /** Of a corpus step. */
  readonly phases: readonly { readonly rounds: number; readonly hearsAll: boolean }[];
  /** It asks a model: its waves of documents are done where the models are. */
  readonly atHost: boolean;
}

export const shapeOf = (kind: DataStep["kind"], plan: CorpusPlan | undefined, atHost: boolean): StepShape => ({
  kind,
  phases: plan?.phases.map(p => ({ rounds: p.rounds.length, hearsAll: p.hearsAll ?? false })) ?? [],
  atHost,
});

/** The waves of a list of steps. */
export function wavesOf(steps: readonly StepShape[]): Wave[] {
  const waves: Wave[] = [];
  let operations: JobOperation[] = [{ do: "read" }];
  let from: number | undefined;
  let told: number[] = [];
  const flush = (atHost = false, writes = true): number => {
    waves.push({ kind: "documents", operations, from, told, writes, atHost });
    const index = waves.length - 1;
    if (writes) from = index;
    operations = [];
    told = [];
    return index;
  };
  for (const [position, { kind, phases, atHost }] of steps.entries()) {
    if (atHost && operations.length > 0) flush();
    if (kind === "document") operations.push({ do: "apply", position });
    else if (kind === "tagger") {
      operations.push({ do: "tag", position });
      flush(true);
    } else {
      let all: number[] = [];
      let before: number[] = [];
      for (const [phase, { rounds, hearsAll }] of phases.entries()) {
        operations.push({ do: "ask", position, phase });
        if (phase > 0) told = hearsAll ? all : before;
        const senders = [flush(atHost, phase === 0)];
        before = [];
        for (let round = 0; round < rounds; round++) {
          waves.push({ kind: "reduce", position, phase, round, from: [...senders] });
          senders.push(waves.length - 1);
          before.push(waves.length - 1);
        }
        all = [...all, ...before];
      }
      operations.push({ do: "settle", position });
      if (phases.length > 0) told = all;
    }
  }
  if (operations.length > 0) flush();
  const documents = [...waves.keys()].filter(w => waves[w]!.kind === "documents");
  waves.push({ kind: "order", from: documents }, { kind: "columns", from: documents });
  return waves;
}
