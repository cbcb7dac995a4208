/** Resources for workers: files of the project, held against the recipe's digests. Models live in the process that started the workers. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { sha256 } from "../../base/index.ts";
import { dataErrors } from "../errors.ts";
import type { Resources } from "../resources.ts";

const elsewhere = (model: string) => async (): Promise<never> => {
  throw dataErrors.fail("resource", { place: model, expected: "to be asked where the models are", received: "a worker without models" });
};

/** `digests` by path. */
export const projectResources = (folder: string, digests: Readonly<Record<string, string>>): Resources => ({
  async file(path) {
    const content = await readFile(resolve(folder, path));
    const expected = digests[path];
    if (expected !== undefined && sha256(content) !== expected)
      throw dataErrors.fail("resource", {
        place: path,
        expected: `the content with digest ${expected.slice(0, 12)}`,
        received: sha256(content).slice(0, 12),
        hint: "The file changed while the run began; run the same command again.",
      });
    return content;
  },
  scorer: async model => ({ score: elsewhere(model) }),
  embedder: async model => ({ width: 0, embed: elsewhere(model) }),
});
