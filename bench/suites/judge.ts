/** What a run of a suite is worth: its rows beside the list of expected failures that lies in the repository. */
import { z } from "zod";

export const testRow = z.object({
  /** pytest's: file::test[parameters]. */
  id: z.string(),
  /** Excluded: not run, by the suite's list; or the test skipped itself, for it needs what is no server's (vLLM's own classes, an accelerator). */
  outcome: z.enum(["passed", "failed", "excluded"]),
  /** The assertion that failed, or what a skipped test needs. */
  reason: z.string(),
  seconds: z.number(),
});
export type TestRow = z.output<typeof testRow>;

/** Reasons by test: `file::test[parameters]`, `file::test` for all its parameters, or `file` for all its tests (as in report.py). */
const reasons = z.record(z.string(), z.string().min(1));
export const expectedFile = z.strictObject({
  /** Tests that fail and may. */
  expected: reasons,
  /** Tests that are not run, by the rule of docs/contracts.md: they assert on the model (words, token counts, skills), or need vision, audio or another program's internals. */
  excluded: reasons,
  /** Tests that skip themselves: at most so many, so that a change of the adapters hides none. */
  skipped: z.int().min(0),
});
export type Expected = z.output<typeof expectedFile>;

export interface Verdict {
  readonly passed: number;
  readonly failed: number;
  /** Failures that are on the list, and their share of all that counts. */
  readonly expected: number;
  readonly share: number;
  /** Failures that are not on the list. */
  readonly unexpected: readonly TestRow[];
  /** On the list, though they pass now: they are to be taken off it. */
  readonly mended: readonly string[];
  readonly excluded: number;
  readonly skipped: number;
  readonly holds: boolean;
}

/** The reason that stands for a test: its own, its function's or its file's. */
export function reasonOf(id: string, reasons: Readonly<Record<string, string>>): string | undefined {
  const [file = id] = id.split("::");
  const [whole = id] = id.split("[");
  return reasons[id] ?? reasons[whole] ?? reasons[file];
}

export function judge(rows: readonly TestRow[], list: Expected, mostExpected: number): Verdict {
  const counted = rows.filter(r => r.outcome !== "excluded" && reasonOf(r.id, list.excluded) === undefined);
  const skipped = rows.filter(r => r.outcome === "excluded" && reasonOf(r.id, list.excluded) === undefined).length;
  const failures = counted.filter(r => r.outcome === "failed");
  const unexpected = failures.filter(r => reasonOf(r.id, list.expected) === undefined);
  const expected = failures.length - unexpected.length;
  const share = counted.length === 0 ? 0 : expected / counted.length;
  return {
    passed: counted.length - failures.length,
    failed: failures.length,
    expected,
    share,
    unexpected,
    mended: counted.filter(r => r.outcome === "passed" && list.expected[r.id] !== undefined).map(r => r.id),
    excluded: rows.length - counted.length,
    skipped,
    holds: counted.length > 0 && unexpected.length === 0 && share <= mostExpected && skipped <= list.skipped,
  };
}
