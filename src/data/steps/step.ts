/**
 * What a curation step is. A document step looks at one document: it may edit the text and it may measure. A corpus step sees all that
 * are left, keeps what it needs of each, and then judges. Neither drops anything: verdicts go to the mixer (`mix.ts`), edits to the ledger.
 * Idea: dolma's taggers beside the documents.
 */
import type { z } from "zod";
import type { Attributes, Document } from "../document.ts";
import type { Edit, Verdict } from "../ledger.ts";
import type { Rules } from "./rules.ts";

/** What a step found out about a document. */
export interface Judgement {
  readonly attributes?: Attributes;
  readonly verdicts?: readonly Verdict[];
}

/** A judgement, with the new text where the step edits. */
export interface Applied extends Judgement {
  readonly text?: string;
  readonly edits?: readonly Edit[];
}

interface StepBase<Schema extends z.ZodType> {
  readonly name: string;
  /** Raise it when the same document and options would give another result. */
  readonly version: number;
  /** Strict; every threshold has a default. */
  readonly options: Schema;
  /** What its verdicts hold against which option, where they are comparisons: another threshold can then be tried on the stored values. */
  readonly rules?: Rules;
}

export interface DocumentStep<Schema extends z.ZodType = z.ZodType> extends StepBase<Schema> {
  readonly kind: "document";
  apply(document: Document, options: z.output<Schema>): Applied;
}

/** The working memory of a corpus step; its result must not depend on the order in which documents were seen. */
export interface CorpusPass {
  see(document: Document): void;
  /** Judgements by document id; documents without one stay as they are. */
  judge(): ReadonlyMap<string, Judgement>;
  /**
   * For steps that edit with the whole corpus in mind: after `judge`, every document once more, in any order. The new text is given here
   * and not in `judge`, so that a step need not hold all texts.
   */
  revise?(document: Document): Applied;
}

export interface CorpusStep<Schema extends z.ZodType = z.ZodType> extends StepBase<Schema> {
  readonly kind: "corpus";
  begin(options: z.output<Schema>): CorpusPass;
}

export type Step = DocumentStep | CorpusStep;

export const documentStep = <Schema extends z.ZodType>(step: Omit<DocumentStep<Schema>, "kind">): DocumentStep<Schema> => ({
  kind: "document",
  ...step,
});
export const corpusStep = <Schema extends z.ZodType>(step: Omit<CorpusStep<Schema>, "kind">): CorpusStep<Schema> => ({
  kind: "corpus",
  ...step,
});
