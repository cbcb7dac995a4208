/** docs/machine-code.md as a reader follows it, with a model of random weights in place of SmolLM2. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { loam, root } from "./support/child.ts";
import { deepTest } from "./support/deep.ts";
import { followPage } from "./support/page-session.ts";
import { trainedToy } from "./support/project.ts";
import { toyModelFolder } from "./support/toy-model.ts";

deepTest("docs/machine-code.md: every command runs, and the machine code is turned off as the page shows", async () => {
  const cwd = await trainedToy();
  const { code, stderr } = await loam(["models", "import", await toyModelFolder(1), "--name", "smollm2"], { cwd });
  expect(code, stderr).toBe(0);
  await followPage(readFileSync(join(root, "docs", "machine-code.md"), "utf8"), {
    cwd,
    own: { "--quantize int8": "--quantize int8 --port 0" },
  });
});
