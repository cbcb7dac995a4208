/** docs/adapters.md as a reader follows it: adapters of a toy model are served beside it, loaded and unloaded while the server runs. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { adapterOf, folderFiles, llamaConfig, projectionSizes, writeAdapter } from "../src/nn/index.ts";
import { root } from "./support/child.ts";
import { deepTest } from "./support/deep.ts";
import { followPage } from "./support/page-session.ts";
import { temporaryFolder } from "./support/project.ts";
import { toyModelFolder } from "./support/toy-model.ts";

/** An adapter of rank 1 for the toy model. */
async function writeToyAdapter(folder: string): Promise<void> {
  const config = llamaConfig({ vocab: 270, width: 32, layers: 1, heads: 2, context: 64, hidden: 64 });
  const { input, output } = projectionSizes(config).get("attention.query")!;
  const numbers = (n: number) => new Float32Array(n).fill(0.1);
  const layer = { "attention.query": { rank: 1, down: numbers(input), up: numbers(output) } };
  await writeAdapter(folderFiles(folder), config, adapterOf(config, [layer]));
}

deepTest("docs/adapters.md: every command runs, and adapters answer under their own names", async () => {
  const cwd = temporaryFolder("adapters");
  for (const name of ["pirate", "adapters/terse"]) await writeToyAdapter(join(cwd, name));
  await followPage(readFileSync(join(root, "docs", "adapters.md"), "utf8"), {
    cwd,
    own: { "./SmolLM2-135M-Instruct.Q4_1.gguf": await toyModelFolder(1) },
  });
});
