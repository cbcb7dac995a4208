/**
 * What a guard decides about a request's texts by computing alone, as data that a worker thread can be given. A judge goes on step by step, so that
 * whoever runs it can let others have their turn, or end it.
 */

import type { ListAction } from "../blocklist/filter.ts";
import type { Verdict } from "../contract.ts";
import type { FindSpans } from "../private/find.ts";

export type JudgeSpec =
  | {
      readonly kind: "blocklist";
      readonly words: readonly (readonly number[])[];
      readonly patterns: readonly string[];
      readonly wholeWords: boolean;
      readonly action: ListAction;
      readonly mask: string;
    }
  | {
      readonly kind: "private";
      readonly types: readonly string[];
      readonly minScore: number;
      readonly regions: readonly string[] | undefined;
      readonly names: { readonly bytes: Uint8Array; readonly model: string; readonly minScore: number | undefined } | undefined;
      readonly action: "redact" | "block" | "flag";
    };

export interface JudgeInput {
  readonly texts: readonly string[];
  /** Looked at, and not to be changed. */
  readonly fixed: readonly string[];
  readonly conversation: string | undefined;
}

export interface JudgeResult {
  readonly verdict: Verdict;
  /** What placeholders stand for. */
  readonly values: readonly (readonly [name: string, value: string])[];
}

/** Yields where it can be paused or ended. */
export type GuardJudging = Generator<undefined, JudgeResult, undefined>;
type Judge = (input: JudgeInput) => GuardJudging;

/** Is called again and again in the middle of a long step; it throws where the input is not wanted any more. */
export type JudgePause = () => void;

export interface OpenJudge {
  readonly judge: Judge;
  /** Of a judge of private data. */
  readonly find?: FindSpans;
}
