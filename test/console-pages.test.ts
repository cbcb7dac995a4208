/** The pages on the console as a reader follows them, in a project with a study of the name that the page shows, and beside its server. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loam, root, start } from "./support/child.ts";
import { deepTest } from "./support/deep.ts";
import { freePort } from "./support/installed.ts";
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

/** Vite's server on a port of its own, until its page comes. */
const viteUntilItAnswers = async (args: string): Promise<string> => {
  const port = await freePort();
  const vite = join(root, "node_modules", ".bin", "vite");
  return `(cd "${root}" && exec "${vite}" ${args} --port ${port} --strictPort) > vite.log 2>&1 &
until curl -sf http://localhost:${port}/ | grep -q '<title>'; do kill -0 $! || { cat vite.log; exit 1; }; sleep 0.1; done
kill $!; wait $! || true`;
};

deepTest("docs/console-development.md: both servers answer, the console is built, and events come as the page shows them", async () => {
  const cwd = await trainedToy();
  await followPage(readFileSync(join(root, "docs", "console-development.md"), "utf8"), {
    cwd,
    own: {
      "npx vite console --mode fake ": `${await viteUntilItAnswers("console --mode fake")} `,
      "npx vite console  ": `${await viteUntilItAnswers("console")} `,
      // the clone's own build stays
      "npx vite build console ": `(cd "${root}" && node_modules/.bin/vite build console --logLevel warn --outDir "${cwd}/built") `,
      // \`npm test\` does these
      "npx tsc": ": tsc",
      "npx vitest": ": vitest",
    },
    before: {
      "curl -sN": async ({ ports }) => {
        await start(["serve", "--port", ports.get("8080")!], { cwd }).says(/http:\/\/127\.0\.0\.1:\d+/);
      },
    },
  });
  expect(existsSync(join(cwd, "built", "index.html"))).toBe(true);
});
