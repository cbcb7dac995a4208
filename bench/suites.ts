/**
 * The test suites of other servers and of clients, run against `loam serve` and `loam gateway`: which tests pass, and whether each that fails is on
 * the list of expected failures (bench/suites/expected). Sources come from PyPI by their hashes; only start-up is adapted, no assertion.
 */
import type { BenchContext, BenchResult } from "./harness.ts";
import { isSuite, type Suite, type SuiteName, suites } from "./suites/list.ts";
import { runSuite, type SuiteRun } from "./suites/run-suite.ts";

/** What a reader sees of a run: ids of failures only where nobody expects them. */
const shown = ({ passed, failed, expected, share, unexpected, mended, excluded, skipped, seconds }: SuiteRun) => ({
  tests: passed + failed,
  passed,
  failed,
  expected,
  share: Number(share.toFixed(3)),
  excluded,
  skipped,
  mended,
  unexpected: Object.fromEntries(unexpected.map(({ id, reason }) => [id, reason])),
  seconds,
});

/** `LOAM_SUITES_ARGS="-k echo"`: a part of a suite, while it is worked on. */
const moreArgs = (process.env.LOAM_SUITES_ARGS ?? "").split(" ").filter(word => word !== "");

export async function run({ say, only }: BenchContext): Promise<BenchResult> {
  const unknown = only.find(name => !isSuite(name));
  if (unknown !== undefined) throw new Error(`suites: expected names of ${Object.keys(suites).join(", ")}; got "${unknown}"`);
  const names = (only.length > 0 ? only : Object.keys(suites)) as SuiteName[];
  const runs: [SuiteName, SuiteRun][] = [];
  for (const name of names) {
    say(suites[name].about);
    runs.push([name, await runSuite(name, { args: moreArgs })]);
  }
  return {
    method:
      "Test suites of other projects, from their source distributions on PyPI, against SmolLM2-135M-Instruct and MiniLM under the names that the tests ask for; one server a configuration",
    ours: Object.fromEntries(runs.map(([name, of]) => [name, shown(of)])),
    peers: {},
    ratios: {},
    bars: runs.map(([name, of]) => {
      const { about, mostExpected }: Suite = suites[name];
      return {
        name: about,
        want: `no unexpected failure, at most ${mostExpected * 100} % expected`,
        got: `${of.passed} of ${of.passed + of.failed} pass, ${of.expected} expected failures, ${of.unexpected.length} unexpected`,
        holds: of.holds,
      };
    }),
  };
}
