/**
 * The one switch between the quick suite (`npm test`) and the full one (`npm test -- --deep`, which `.ci/run` runs). The full one draws more samples,
 * searches whole spaces by brute force, and repeats races and crashes. A law holds in both; only the number of rounds differs.
 */
import { describe, type TestContext, test } from "vitest";

export const deep: boolean = process.env.LOAM_DEEP === "1";

/** Rounds of a repeated check: `full` with `--deep`, else `quick` (default: a fifth, at least 1). */
export const rounds = (full: number, quick: number = Math.max(1, Math.ceil(full / 5))): number => (deep ? full : quick);

const left = (name: string) => (deep ? name : `${name} (left to --deep)`);

/** A test of the full suite alone: a storm of what a quick test beside it checks with fewer rounds, or minutes of one way that changes seldom. `npm test` counts those that it left out. */
export const deepTest = (name: string, body: (context: TestContext) => Promise<void> | void, timeoutMs?: number): void =>
  (deep ? test : test.skip)(left(name), body, timeoutMs);

/** A group of them. */
export const deepDescribe = (name: string, body: () => void): void => {
  (deep ? describe : describe.skip)(left(name), body);
};

/** Of cases that a law goes over: all with `--deep`, else the first `quick`. The telling ones come first. */
export const cases = <T>(all: readonly T[], quick: number): readonly T[] => (deep ? all : all.slice(0, quick));
