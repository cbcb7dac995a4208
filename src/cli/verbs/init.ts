/** `loam init`: a new project in a folder of its own. */
import { relative, resolve } from "node:path";
import { formatBytes } from "../../base/index.ts";
import { writeProject } from "../../project/init/index.ts";
import type { VerbRun } from "../verb.ts";

export const init: VerbRun = async ({ out, cwd }, [given]) => {
  const { name, folder, files, sizeBytes } = writeProject(resolve(cwd, given ?? ""));
  const shown = relative(cwd, folder) || ".";
  out.line(`  ${shown}/loam.yaml       a small model's life, from text to server`);
  out.line(`  ${shown}/texts/          ${files - 5} letters to learn from, ${formatBytes(sizeBytes)}; put your own there`);
  out.line(`\n  Next: cd ${shown}, then npx loam run (half a minute), npx loam serve`);
  out.result({ event: "result", name, folder, files });
};
