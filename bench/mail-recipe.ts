/** What a recipe of examples/mail trains on, made in a folder of its own: shards, tokenizer, architecture, the recipe with its defaults. */

import { fileURLToPath } from "node:url";
import type { DecoderConfig } from "../src/nn/index.ts";
import { lifeOf, runLink } from "../src/project/life.ts";
import { findProject, openProjectStore, type ProjectFile } from "../src/project/project-file.ts";
import type { ArtifactReader } from "../src/store/index.ts";
import {
  decoderConfigOf,
  endOf,
  type PretrainRecipe,
  readShards,
  readTokenizer,
  recipeSchema,
  type TokenShards,
} from "../src/train/index.ts";

export interface MailRecipe {
  readonly model: DecoderConfig;
  readonly recipe: PretrainRecipe;
  readonly train: TokenShards;
  readonly heldOut: TokenShards;
  readonly end: number;
  /** Digest of the shards. */
  readonly shards: string;
  readonly threads: number | undefined;
}

export const mailProject = (): ProjectFile => findProject(fileURLToPath(new URL("../../examples/mail/", import.meta.url)));

/** Runs the stages before training, or finds them in the folder. */
export async function mailRecipe(folder: string, name: string, say: (text: string) => void): Promise<MailRecipe> {
  const project = mailProject();
  const store = await openProjectStore({ ...project, folder, config: { ...project.config, store: {} } });
  try {
    const made = new Map<string, ArtifactReader>();
    for (const link of lifeOf(project, name, { onProblem: () => {} })) {
      if (link.stage === "train") break;
      say(link.label);
      made.set(link.label, (await runLink(store, link, made, { progress: () => {}, signal: new AbortController().signal })).artifact);
    }
    const { train: part, evaluate: _, ...architecture } = project.config.models[name]!;
    const { on, length, ...rest } = part;
    const shards = made.get(`shards/${on}`)!;
    const tokenizer = await readTokenizer(made.get("tokenizer")!);
    const model = decoderConfigOf(architecture, tokenizer.vocabSize);
    return {
      model,
      recipe: recipeSchema.parse({ ...rest, length: length ?? model.context }),
      train: await readShards(shards, "train"),
      heldOut: await readShards(shards, "held-out"),
      end: endOf(tokenizer, "tokenizer"),
      shards: shards.digest,
      threads: project.config.device.threads,
    };
  } finally {
    await store.close();
  }
}
