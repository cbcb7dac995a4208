/** A toy in a GGUF file, as llama.cpp reads it: for pages that name a model which readers download. */
import { join } from "node:path";
import { loam } from "./child.ts";
import { temporaryFolder } from "./project.ts";
import { toyModelFolder } from "./toy-model.ts";

/** Writes a model with random weights to `path`. */
export async function writeToyGguf(path: string, seed = 1): Promise<void> {
  const env = { LOAM_HOME: temporaryFolder("toy-home") };
  const cwd = temporaryFolder("toy-gguf");
  for (const args of [
    ["models", "import", await toyModelFolder(seed, 512), "--name", "toy"],
    ["models", "export", "toy", "--to", path, "--format", "gguf"],
  ]) {
    const { code, stderr } = await loam(args, { cwd, env });
    if (code !== 0) throw new Error(`loam ${args.join(" ")}: ${stderr}`);
  }
}

/** The file that pages name. */
export const smolFile = "SmolLM2-135M-Instruct.Q4_1.gguf";
/** A folder with it, in place of a download. */
export async function folderWithSmol(): Promise<string> {
  const folder = temporaryFolder("page");
  await writeToyGguf(join(folder, smolFile));
  return folder;
}
