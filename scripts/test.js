/**
 * `npm test`: lint, types, unit tests, end-to-end tests, in that order, then one line with the totals.
 *   --lint --types --unit --life   only these
 *   --deep                         all end-to-end tests, and full rounds of statistics, crashes, brute force; default: the end-to-end tests of a few seconds
 *                                  (parts/quick-tests.js), and quick rounds of the same checks
 *   --changed[=COMMIT]             only test files that a change since COMMIT (default: the last commit) reaches, long ones too
 *   --record                       write every file's duration to test/support/durations.json, by which the longest start first
 * Other arguments are vitest's (files, `-t name`). With LOAM_CI=1 a skipped test counts as failed: there everything a test needs must be there.
 */
import "../bin/node-version.js";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, relative, sep } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { node } from "./parts/child.js";
import { checkers, inRoot, programs, root } from "./parts/places.js";
import { durationsFile, quickTestsHere } from "./parts/quick-tests.js";
import { changedTests } from "./parts/reach.js";
import { main, say, seconds } from "./parts/say.js";
import { setup } from "./setup.js";

const strict = process.env.LOAM_CI === "1";
/** Reasons that no installation removes: what only root may do, or root may not be kept from, or another platform has, or no network reaches. */
const excused = /\(skipped[^)]*\b(root|mount\w*|platform|Linux|macOS|Windows|not to be had from here|by request)\b/i;
/** Tests of the full suite alone (test/support/deep.ts). */
const leftToDeep = /\(left to --deep\)/;
const durations = inRoot(durationsFile);

async function check(program, args) {
  const { code } = await node(program, args, { show: true });
  return code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1, names: [basename(program)] };
}

/** The console has types of browsers, and JSX: a second configuration, which also sees its tests. */
async function types() {
  const results = [];
  for (const config of ["tsconfig.json", "console"]) results.push(await check(programs.tsc, ["-p", config, "--noEmit", ...checkers]));
  const names = results.flatMap((r, i) => (r.failed ? [i ? "tsc -p console" : "tsc"] : []));
  return { passed: results.length - names.length, failed: names.length, names };
}

/** Writes how long each file of a report took, beside what is known of the others. */
function record(files) {
  const known = JSON.parse(readFileSync(durations, "utf8"));
  for (const { name, startTime, endTime } of files)
    known[relative(root, name).split(sep).join("/")] = Math.round((endTime - startTime) / 100) / 10;
  const sorted = Object.entries(known).sort(([, a], [, b]) => b - a);
  // files below half a second start last, in any order
  const kept = sorted.filter(([, s]) => s >= 0.5);
  writeFileSync(durations, `${JSON.stringify(Object.fromEntries(kept), null, 2)}\n`);
}

/** The tests of a report that failed, each by its file and name with its message's first line; a file that does not load fails as a whole. */
const failuresOf = files =>
  files.flatMap(({ name, status, message, assertionResults }) => {
    const failed = assertionResults.filter(t => t.status === "failed").map(t => [t.fullName, t.failureMessages[0]]);
    if (failed.length === 0 && status === "failed") failed.push(["(does not load)", message]);
    return failed.map(
      ([test, why]) => `${relative(root, name)}: ${test}${why ? `\n      ${stripVTControlCharacters(why).split("\n")[0]}` : ""}`,
    );
  });

/** Runs projects of vitest; counts come from its JSON report. */
async function tests(projects, more, { deep, keep }) {
  const folder = mkdtempSync(join(tmpdir(), "loam-test-"));
  const file = join(folder, "report.json");
  try {
    const args = [
      "run",
      ...projects.flatMap(project => ["--project", project]),
      "--reporter=default",
      "--reporter=json",
      `--outputFile.json=${file}`,
      ...(more.length ? ["--passWithNoTests"] : []),
      ...more,
    ];
    const { code } = await node(programs.vitest, args, { show: true, env: deep ? { LOAM_DEEP: "1" } : {} });
    let report;
    try {
      report = JSON.parse(readFileSync(file, "utf8"));
    } catch {
      return { passed: 0, failed: 1, names: [`${projects.join(", ")}: vitest ended with ${code} without a report`] };
    }
    if (keep) record(report.testResults);
    const all = report.testResults.flatMap(f => f.assertionResults);
    const notRun = all.filter(t => t.status === "pending" || t.status === "skipped" || t.status === "todo").map(t => t.fullName);
    const skipped = notRun.filter(name => !leftToDeep.test(name));
    const names = failuresOf(report.testResults);
    if (names.length === 0 && code !== 0)
      names.push(`${projects.join(", ")}: vitest ended with ${code}, though no test of its report failed`);
    return { passed: report.numPassedTests, failed: names.length, names, skipped, left: notRun.length - skipped.length };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const stages = {
  lint: { text: "biome", run: () => check(programs.biome, ["check", "."]) },
  types: { text: "tsc, the console by its own configuration", run: types },
  unit: { text: "tests beside the source", run: (more, o) => tests(["unit"], more, o) },
  life: { text: "end-to-end tests", run: (more, o) => tests(["life", "life-alone"], more, o) },
};
const flags = ["--deep", "--record"];

/** What of the arguments is vitest's: with `--changed` the files that the change reaches; undefined where it reaches none. */
async function vitestArguments(args) {
  const rest = args.filter(a => !flags.includes(a) && !Object.keys(stages).some(name => a === `--${name}`));
  const asked = rest.find(a => /^--changed(=|$)/.test(a));
  if (asked === undefined) return rest;
  const base = asked.split("=")[1] || "HEAD";
  const { changed, tests: files } = await changedTests(base);
  say("changed", `${changed.length} files since ${base} reach ${files.length} test files`);
  return files.length === 0 ? undefined : [...rest.filter(a => a !== asked), ...files];
}

await main(async args => {
  const chosen = Object.keys(stages).filter(name => args.includes(`--${name}`));
  const [deep, keep] = flags.map(flag => args.includes(flag));
  const began = performance.now();
  const total = { passed: 0, failed: 0, names: [], skipped: [], left: 0 };
  let more;
  try {
    await setup();
    more = await vitestArguments(args);
  } catch (error) {
    // Nothing could be tested, which is a failure with a total like any other.
    process.stderr.write(`loam: ${error.message}\n`);
    process.stdout.write("0 passed, 1 failed\n");
    return 1;
  }
  // files that are named, or reached by a change, run whatever they take
  const { all, quick } = quickTestsHere();
  const isQuick = !deep && !more?.length && !args.some(a => a.startsWith("--changed"));
  const isPart = more !== undefined && more.length > 0;
  for (const [name, stage] of Object.entries(stages)) {
    const isTests = name === "unit" || name === "life";
    if (chosen.length ? !chosen.includes(name) : isPart && !isTests && !args.some(a => a.startsWith("--changed"))) continue;
    if (isTests && more === undefined) continue;
    const start = performance.now();
    say(name, stage.text);
    const {
      passed,
      failed,
      names = [],
      skipped = [],
      left = 0,
    } = await stage.run(name === "life" && isQuick ? quick : more, { deep, keep });
    total.passed += passed;
    total.failed += failed + (strict ? skipped.filter(name => !excused.test(name)).length : 0);
    total.names.push(...names);
    total.skipped.push(...skipped);
    total.left += left;
    say(
      name,
      `${passed} passed, ${failed} failed${skipped.length ? `, ${skipped.length} skipped` : ""}  ${seconds(performance.now() - start)}`,
    );
  }
  if (total.skipped.length) {
    process.stderr.write(`\n  ${total.skipped.length} skipped:\n`);
    for (const name of total.skipped)
      process.stderr.write(`    ${name}${strict && !excused.test(name) ? "   <- counts as failed (LOAM_CI=1)" : ""}\n`);
  }
  if (total.names.length) process.stderr.write(`\n  ${total.names.length} failed:\n${total.names.map(name => `    ${name}\n`).join("")}`);
  const files = isQuick ? `${all.length - quick.length} files of end-to-end tests and ` : "";
  if (!deep) say("quick", `${files}${total.left} tests left to --deep, and the full rounds of others (npm test -- --deep)`);
  say("in all", seconds(performance.now() - began));
  process.stdout.write(`${total.passed} passed, ${total.failed} failed\n`);
  return total.failed > 0 ? 1 : 0;
});
