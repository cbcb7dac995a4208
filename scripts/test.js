/**
 * `npm test`: lint, types, unit tests, life tests, in that order, then one line with the totals. `--lint`, `--types`, `--unit` and `--life`
 * run only those; other arguments are vitest's (files, `-t name`). With LOAM_CI=1 a skipped test counts as failed: there everything a test
 * needs must be there.
 */
import "../bin/node-version.js";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { node } from "./parts/child.js";
import { programs } from "./parts/places.js";
import { main, say, seconds } from "./parts/say.js";
import { setup } from "./setup.js";

const strict = process.env.LOAM_CI === "1";
/** Reasons that no installation removes: what only root may do, or root may not be kept from, or another platform has, or no network reaches. */
const excused = /\(skipped[^)]*\b(root|mount\w*|platform|Linux|macOS|Windows|not to be had from here)\b/i;

async function check(program, args) {
  const { code } = await node(program, args, { show: true });
  return code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

/** Runs one project of vitest; counts come from its JSON report. */
async function tests(project, more) {
  const folder = mkdtempSync(join(tmpdir(), "loam-test-"));
  const file = join(folder, "report.json");
  try {
    const args = [
      "run",
      "--project",
      project,
      "--reporter=default",
      "--reporter=json",
      `--outputFile.json=${file}`,
      ...(more.length ? ["--passWithNoTests"] : []),
      ...more,
    ];
    const { code } = await node(programs.vitest, args, { show: true });
    let report;
    try {
      report = JSON.parse(readFileSync(file, "utf8"));
    } catch {
      return { passed: 0, failed: 1 };
    }
    const all = report.testResults.flatMap(f => f.assertionResults);
    const skipped = all.filter(t => t.status === "pending" || t.status === "skipped" || t.status === "todo").map(t => t.fullName);
    // A file that does not load has no tests of its own to fail.
    const broken = report.testResults.filter(f => f.status === "failed" && !f.assertionResults.some(t => t.status === "failed")).length;
    const failed = report.numFailedTests + broken;
    return { passed: report.numPassedTests, failed: failed || (code === 0 ? 0 : 1), skipped };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const stages = {
  lint: { text: "biome", run: () => check(programs.biome, ["check", "."]) },
  types: { text: "tsc", run: () => check(programs.tsc, ["-p", "tsconfig.json", "--noEmit"]) },
  unit: { text: "tests beside the source", run: more => tests("unit", more) },
  life: { text: "tests of whole lives", run: more => tests("life", more) },
};

await main(async args => {
  const chosen = Object.keys(stages).filter(name => args.includes(`--${name}`));
  const more = args.filter(a => !Object.keys(stages).some(name => a === `--${name}`));
  const began = performance.now();
  const total = { passed: 0, failed: 0, skipped: [] };
  try {
    await setup();
  } catch (error) {
    // Nothing could be tested, which is a failure with a total like any other.
    process.stderr.write(`loam: ${error.message}\n`);
    process.stdout.write("0 passed, 1 failed\n");
    return 1;
  }
  for (const [name, stage] of Object.entries(stages)) {
    if (chosen.length ? !chosen.includes(name) : more.length && (name === "lint" || name === "types")) continue;
    const start = performance.now();
    say(name, stage.text);
    const { passed, failed, skipped = [] } = await stage.run(more);
    total.passed += passed;
    total.failed += failed + (strict ? skipped.filter(name => !excused.test(name)).length : 0);
    total.skipped.push(...skipped);
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
  say("in all", seconds(performance.now() - began));
  process.stdout.write(`${total.passed} passed, ${total.failed} failed\n`);
  return total.failed > 0 ? 1 : 0;
});
