/**
 * What the console shows besides the engines: the record's models, runs, evaluations and lineage. A port: the command line gives functions
 * that read its project's store; without one the console's pages are empty.
 */
import type { LabelSource } from "./label-source.ts";
import type { ReleaseSource } from "./release-source.ts";

export interface Machine {
  readonly cores: number;
  readonly processor: string;
  readonly memoryBytes: number;
  readonly vector: readonly string[];
}

export interface ConsoleModel {
  readonly id: string;
  readonly name: string;
  readonly version: number | string;
  readonly artifact: string;
  readonly createdAt: string | number;
  readonly aliases: readonly string[];
  readonly scores: Readonly<Record<string, number>>;
}

export interface ConsoleRun {
  readonly artifact: string;
  readonly stage: string;
  readonly startedAt: string | number | null;
  readonly endedAt: string | number | null;
  readonly summary: Readonly<Record<string, unknown>>;
}

/** A logged step of training; what a run did not measure is absent. */
export interface MetricPoint {
  readonly step: number;
  readonly tokens: number;
  readonly loss: number;
  readonly heldOut?: number;
  readonly learningRate: number;
  readonly tokensPerSecond: number;
  readonly gradientNorm: number;
}

export interface ConsoleEvaluation {
  readonly artifact: string;
  readonly model: string;
  readonly report: unknown;
}

export interface ConsoleGraph {
  readonly root: string;
  readonly nodes: readonly {
    readonly id: string;
    readonly kind: string;
    readonly stage: string;
    /** What the stage was told. */
    readonly options?: unknown;
    readonly summary: Readonly<Record<string, unknown>>;
    readonly createdAt: string | number;
    readonly relation: "self" | "ancestor" | "descendant";
  }[];
  /** `from` is what `to` was made of. */
  readonly edges: readonly { readonly from: string; readonly to: string; readonly name: string }[];
}

/** A data set that was curated. */
export interface ConsoleDataSet {
  readonly name: string;
  /** The documents that the newest run made. */
  readonly artifact: string;
  readonly createdAt: string | number;
  readonly summary: Readonly<Record<string, unknown>>;
}

type Answer<T> = T | Promise<T>;
export interface ConsoleSource {
  /** The project's name. */
  readonly project: string | null;
  machine(): Answer<Machine>;
  models(): Answer<readonly ConsoleModel[]>;
  runs(): Answer<readonly ConsoleRun[]>;
  /** Undefined where there is no such run. */
  metrics(artifact: string): Answer<readonly MetricPoint[] | undefined>;
  /** Which tokens a tuned model was trained on, of its first examples; undefined where it has none to show. */
  examples?(artifact: string): Answer<object | undefined>;
  evaluations(): Answer<readonly ConsoleEvaluation[]>;
  /** Undefined where there is no such artifact. */
  graph(id: string): Answer<ConsoleGraph | undefined>;
  /** The newest documents of every data set, the newest first. */
  dataSets(): Answer<readonly ConsoleDataSet[]>;
  /** What curation did, as the report says it; undefined where there is no such artifact. */
  dataReport(artifact: string): Answer<object | undefined>;
  /** Absent where the record has no versions to speak of: those pages are empty. */
  readonly releases?: ReleaseSource;
  /** Absent where no project says what is labelled. */
  readonly labels?: LabelSource;
}
