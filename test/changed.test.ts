/** `npm test -- --changed`: which test files a change reaches, on a small invented repository and on this one. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { isTestFile, reachedTests } from "../scripts/parts/reach.js";
import { filesBelow } from "../scripts/parts/stamps.js";
import { root } from "./support/child.ts";

const texts: Readonly<Record<string, string>> = {
  "src/a/index.ts": 'export { add } from "./add.ts";',
  "src/a/add.ts": "export const add = 1;",
  "src/a/add.test.ts": 'import { add } from "./add.ts";',
  "src/b/b.ts": 'import { add } from "../a/index.ts";\nconst worker = new URL("./job.mjs", import.meta.url);',
  "src/b/job.mjs": "",
  "src/b/b.test.ts": 'const { b } = await import("./b.ts");',
  "src/cli/run-cli.ts": 'import { verbs } from "./verb-rows/all.ts";',
  "src/cli/verb-rows/all.ts":
    'usage: "data run",\nload: async () => (await import("../verbs/data-run.ts")).run,\nusage: "serve [model]",\nload: async () => (await import("../verbs/serve.ts")).serve,',
  "src/cli/verbs/data-run.ts": 'import "../../a/index.ts";',
  "src/cli/verbs/serve.ts": 'import "../../b/b.ts";',
  "test/support/child.ts": "",
  "test/data.test.ts": 'import { loam } from "./support/child.ts";\nawait loam(["data", "run"]);',
  "test/serve.test.ts": 'import { start } from "./support/child.ts";\nstart(["serve", "--json"]);',
  "test/library.test.ts": 'import "loam/a";\nread("docs/page.md");',
};
const reached = (...changed: string[]) => reachedTests(Object.keys(texts), changed, f => texts[f] ?? "");

test("a changed file runs the tests whose imports lead to it, through public APIs and dynamic imports", () => {
  expect(reached("src/a/add.ts")).toEqual([
    "src/a/add.test.ts",
    "src/b/b.test.ts",
    "test/data.test.ts",
    "test/serve.test.ts",
    "test/library.test.ts",
  ]);
  expect(reached("src/b/b.ts")).toEqual(["src/b/b.test.ts", "test/serve.test.ts"]);
  expect(reached("src/a/add.test.ts")).toEqual(["src/a/add.test.ts"]);
});

test("a worker's file is reached through its URL, a verb through the words of a command line", () => {
  expect(reached("src/b/job.mjs")).toEqual(["src/b/b.test.ts", "test/serve.test.ts"]);
  expect(reached("src/cli/verbs/data-run.ts")).toEqual(["test/data.test.ts"]);
  expect(reached("src/cli/verbs/serve.ts")).toEqual(["test/serve.test.ts"]);
  expect(reached("src/cli/run-cli.ts")).toEqual(["test/data.test.ts", "test/serve.test.ts"]);
});

test("a page is reached by the tests that name it; what every test stands on runs all of them; another page none", () => {
  expect(reached("docs/page.md")).toEqual(["test/library.test.ts"]);
  expect(reached("docs/other.md")).toEqual([]);
  expect(reached("package-lock.json")).toHaveLength(Object.keys(texts).filter(isTestFile).length);
});

test("every verb of this repository is a row that --changed can read", () => {
  const files = filesBelow("src", f => f.endsWith(".ts"));
  const read = (f: string) => (existsSync(join(root, f)) ? readFileSync(join(root, f), "utf8") : "");
  const verbs = files.filter(f => /^src\/cli\/verbs\/[\w-]+\.ts$/.test(f));
  const rows = files.filter(f => f.startsWith("src/cli/verb-rows/")).map(read);
  for (const verb of verbs)
    expect(
      rows.some(text => text.includes(`import("../verbs/${verb.split("/").at(-1)}")`)),
      verb,
    ).toBe(true);
  // a test that names all words of a verb reaches its file
  const asking = "test/asking.test.ts";
  const child = "test/support/child.ts";
  const all = [...files, asking, child];
  const says = (f: string) => (f === asking ? 'import { loam } from "./support/child.ts";\nloam(["models", "show", "toy"]);' : read(f));
  expect(reachedTests(all, ["src/cli/verbs/models-show.ts"], says)).toContain(asking);
  expect(reachedTests(all, ["src/cli/verbs/gateway-keys.ts"], says)).not.toContain(asking);
});
