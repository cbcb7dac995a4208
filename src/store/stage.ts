/**
 * A stage is a function from artifacts to an artifact. It declares what it takes and what would change its output (version, options);
 * it knows of no paths, hashes or locks: the runner (`runner.ts`) finds or makes, records, and puts whole artifacts in place.
 */

import type { z } from "zod";
import type { Progress } from "../base/index.ts";

/** Small plain data about an artifact for lists and pages (counts, scores). Not part of its identity. */
export type Summary = Readonly<Record<string, string | number | boolean | null | readonly (string | number)[]>>;

/** A recorded artifact: immutable, named files, one content digest. */
export interface ArtifactReader {
  /** `<kind>-<12 hex of the recipe key>`: what people type. */
  readonly id: string;
  readonly kind: string;
  /** SHA-256 over the canonical list of (name, blob digest, size). */
  readonly digest: string;
  readonly summary: Summary;
  readonly files: readonly { readonly name: string; readonly digest: string; readonly sizeBytes: number }[];
  /** The whole file, verified against its digest. Errors when the artifact has no such file. */
  read(name: string): Promise<Buffer>;
  /** The file in pieces, verified at its end. */
  stream(name: string): AsyncIterable<Buffer>;
  /** A local path that holds the verified file (fetched there first when blobs live elsewhere); for memory mapping. */
  localPath(name: string): Promise<string>;
  /** What the run that made it wrote as run data; undefined where it wrote none of that name. Only of artifacts of a record. */
  runData?(name: string): Promise<string | undefined>;
}

/** What a stage writes into; it becomes an artifact when `run` returns, or nothing at all. */
export interface ArtifactWriter {
  write(name: string, data: string | Uint8Array): Promise<void>;
  /** Writes a file from pieces with bounded memory. */
  writeStream(name: string, pieces: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>): Promise<void>;
}

/**
 * What a run measures that a run of the same recipe need not repeat: times, speeds, the machine. It is kept with the run, outside the artifact and its
 * content digest, and recorded in the same transaction.
 */
export interface RunDataWriter {
  /** JSON or JSON lines under a name of its own; each name once. */
  write(name: string, text: string): void;
}

export interface StageContext<Inputs extends string, Options> {
  readonly inputs: Readonly<Record<Inputs, ArtifactReader>>;
  readonly options: Options;
  readonly output: ArtifactWriter;
  readonly runData: RunDataWriter;
  readonly progress: Progress;
  /** Aborts on Ctrl-C: save what `scratch` needs to go on, then throw the signal's reason. */
  readonly signal: AbortSignal;
  /** A folder of this recipe alone that survives an interruption: checkpoints live here. Removed after success. */
  readonly scratch: string;
}

export interface Stage<Inputs extends string = string, Schema extends z.ZodType = z.ZodType> {
  readonly name: string;
  /** Raise it when the same inputs and options would give other output. */
  readonly version: number;
  /** Input name -> kind of artifact it takes. */
  readonly inputs: Readonly<Record<Inputs, string>>;
  /** Strict schema; its output is part of the recipe key, so leave out what cannot change the result (threads, paths). */
  readonly options: Schema;
  /** The options that enter the recipe key and the record. Default: all. Leaves out how often something is written down. */
  keyOptions?(options: z.output<Schema>): object;
  /** Kind of artifact made. */
  readonly output: string;
  run(context: StageContext<Inputs, z.output<Schema>>): Promise<Summary>;
}

export const stage = <const Inputs extends string, Schema extends z.ZodType>(definition: Stage<Inputs, Schema>): Stage<Inputs, Schema> =>
  definition;
