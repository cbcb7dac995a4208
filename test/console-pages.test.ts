/** docs/console.md as a reader follows it, in a project with a study of the name that the page shows. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loam, root } from "./support/child.ts";
import { deepTest } from "./support/deep.ts";
import { followPage } from "./support/page-session.ts";
import { trainedToy } from "./support/project.ts";

test("`loam runs --group` writes durations with their unit", async () => {
  const { code, stdout, stderr } = await loam(["runs", "--group", "kind"], { cwd: await trainedToy() });
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/^ {2}kind training: 1 run$/m);
  for (const line of stdout.match(/^ {4}duration .*$/gm)!) expect(line).toMatch(/mean [\d.:,]+( \w+)?, from [\d.]+ s to/);
});

deepTest("docs/console.md: every command runs, and runs are filtered, grouped, tagged and noted as the page shows", async () => {
  const more = `searches:
  spam-rate:
    model: toy
    space: { train.rate: { from: 2e-3, to: 5e-2, log: true }, train.optimizer.kind: [adamw, muon] }
    sampler: random
    tokens: 3000
    trials: 4`;
  const cwd = await trainedToy({ more });
  const searched = await loam(["tune", "search", "spam-rate"], { cwd });
  expect(searched.code, searched.stderr).toBe(0);
  const id = `"$(loam runs --filter "kind = trial" -n 1 --json | grep -o '"id":"[0-9a-f]*"' | head -1 | cut -d'"' -f4)"`;
  await followPage(readFileSync(join(root, "docs", "console.md"), "utf8"), { cwd, own: { "4949c986f20fce4e": id } });
  const { stdout, stderr } = await loam(["runs", "--filter", "tags = baseline"], { cwd });
  expect(stdout, stderr).toMatch(/#baseline .*: the paper's$/m);
});
