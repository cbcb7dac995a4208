/**
 * What a curation step is. A document step looks at one document: it may edit the text and it may measure; a tagger does so with a model.
 * A corpus step sees all that are left, through messages, and then judges. Neither drops anything: verdicts go to the mixer (`mix.ts`), edits to the ledger.
 * Idea: dolma's taggers beside the documents.
 */
import type { z } from "zod";
import type { Document, DocumentAttributes } from "../document.ts";
import type { LedgerEdit, StepVerdict } from "../ledger.ts";
import type { Need, Resources } from "../resources.ts";
import type { Rules } from "./rules.ts";

/** What a step found out about a document. */
export interface DocumentJudgement {
  readonly attributes?: DocumentAttributes;
  readonly verdicts?: readonly StepVerdict[];
}

/** A judgement, with the new text where the step edits. */
export interface Applied extends DocumentJudgement {
  readonly text?: string;
  readonly edits?: readonly LedgerEdit[];
}

interface StepBase<Schema extends z.ZodType, State> {
  readonly name: string;
  /** Raise it when the same document and options would give another result. */
  readonly version: number;
  /** Strict; every threshold has a default. */
  readonly options: Schema;
  /** What its verdicts hold against which option, where they are comparisons: another threshold can then be tried on the stored values. */
  readonly rules?: Rules;
  /** Files and models it cannot do without; their identities become part of the recipe. */
  needs?(options: z.output<Schema>): readonly Need[];
  /** Once a worker, before the first document: what `apply`, `tag` or `plan` is given. Nothing where the step has none. */
  prepare?(options: z.output<Schema>, resources: Resources): Promise<State>;
}

/** A pure function of one document: it runs in worker threads. */
export interface DocumentStep<Schema extends z.ZodType = z.ZodType, State = unknown> extends StepBase<Schema, State> {
  readonly kind: "document";
  apply(document: Document, options: z.output<Schema>, state: State): Applied;
}

/** For steps that ask a model: documents come in batches, in the process that holds the model. What it finds must not depend on the batch. */
export interface TaggerStep<Schema extends z.ZodType = z.ZodType, State = unknown> extends StepBase<Schema, State> {
  readonly kind: "tagger";
  /** Documents a call, at most. */
  readonly batch: number;
  /** One finding a document, in their order. */
  tag(documents: readonly Document[], options: z.output<Schema>, state: State): Promise<readonly Applied[]>;
}

/** What comes together in a shuffle: four unsigned 32-bit words. `keyOf` makes one of a text. */
export type Key = readonly [number, number, number, number];

/** Where a document lies, for `tell`. It differs with files and workers: nothing that is decided may depend on it. */
export type Ref = number;

/** A value to all values of its key in a round of the phase: from documents to any round, from a round to a later one. Key and value are copied, but for a large value that is `owned`: one that nobody writes to any more. */
export type Send = (round: number, key: Key, value: Uint8Array, owned?: boolean) => void;

/** A document to which a phase speaks, with what the phase before told it, sorted as bytes. */
export interface CorpusQuestion {
  /** Taken from its place when it is asked for: a phase that can do without is quicker. */
  readonly document: Document;
  readonly ref: Ref;
  readonly received: readonly Buffer[];
}

/** All values of a key. */
export interface Group {
  readonly key: Key;
  readonly count: number;
  /** Sorted as bytes, so that who sent first does not matter; in no order where the round says `unordered`. Views that stay as long as `reduce` runs. */
  values(): Iterable<Buffer>;
  /** The same in no order, as places in larger buffers: nothing is made for a value. */
  each(visit: (bytes: Buffer, from: number, to: number) => void): void;
}

export interface Out {
  readonly send: Send;
  /** To a document, for the next phase or for `settle`; nobody may write to the value any more. */
  tell(ref: Ref, value: Uint8Array): void;
  /** To all documents of the next phase: every worker holds all of it. */
  share(value: Uint8Array): void;
}

/** Values by key. Groups come in any order and in several processes: a round has no memory. */
export interface GroupRound {
  /** Values come unsorted: for groups of which order does not matter. */
  readonly unordered?: boolean;
  /** Smaller groups are left out. */
  readonly atLeast?: number;
  reduce(group: Group, out: Out): void | Promise<void>;
}

interface KeyedValue {
  readonly key: Key;
  readonly value: Buffer;
}

/** Some of the values of a bin. */
export interface KeyedBlock extends Iterable<KeyedValue> {
  /** The values as places in larger buffers: nothing is made for a value. */
  each(visit: (bytes: Buffer, from: number, to: number) => void): void;
}

/** Everything that came to a bin, block by block. */
export type BinBlocks = AsyncIterable<KeyedBlock>;

/** For groups of the size of the corpus: a whole bin, in no order, as often as it is asked for, never all in memory. */
export interface StreamRound {
  reduceStream(blocks: () => BinBlocks, out: Out): Promise<void>;
}

export type Round = GroupRound | StreamRound;

/** Documents send, rounds reduce, and what those tell goes back to the documents. */
export interface Phase {
  /** Ask also those documents to which nothing was told; in the first phase all are asked. */
  readonly everyone?: boolean;
  /** Documents hear what all phases before told them, not only the last. */
  readonly hearsAll?: boolean;
  /** `shared`: what rounds of the phase before said to all. */
  ask(asked: readonly CorpusQuestion[], send: Send, shared: readonly Buffer[]): void | Promise<void>;
  readonly rounds: readonly Round[];
}

/**
 * How a corpus step sees all documents without anyone holding them: partitioned map, keyed shuffle and reduce, as data (Dean and Ghemawat
 * 2004), so that threads, processes or another engine can run it. Its result must not depend on the order or the place of documents.
 */
export interface CorpusPlan {
  readonly phases: readonly Phase[];
  /** What becomes of a document, given what all phases told it, one after the other; documents to which nothing was told stay as they are. */
  settle(document: Document, received: readonly Buffer[]): Applied;
}

export interface CorpusStep<Schema extends z.ZodType = z.ZodType, State = unknown> extends StepBase<Schema, State> {
  readonly kind: "corpus";
  plan(options: z.output<Schema>, state: State): CorpusPlan;
}

export type DataStep = DocumentStep | TaggerStep | CorpusStep;

export const documentStep = <Schema extends z.ZodType, State = void>(
  step: Omit<DocumentStep<Schema, State>, "kind">,
): DocumentStep<Schema, State> => ({ kind: "document", ...step });
export const taggerStep = <Schema extends z.ZodType, State = void>(
  step: Omit<TaggerStep<Schema, State>, "kind">,
): TaggerStep<Schema, State> => ({ kind: "tagger", ...step });
export const corpusStep = <Schema extends z.ZodType, State = void>(
  step: Omit<CorpusStep<Schema, State>, "kind">,
): CorpusStep<Schema, State> => ({ kind: "corpus", ...step });
