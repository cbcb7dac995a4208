/** The real model that serving benches run: SmolLM2-135M-Instruct of the folder LOAM_MODELS, and real text in its tokens. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { random } from "../../src/base/index.ts";
import { modelText } from "../../src/project/models/model-text.ts";
import { localModel } from "../../src/project/models/paths.ts";
import { mailTexts } from "../filters/corpus.ts";

const folderName = "smollm2-135m-instruct";

/** Path of the GGUF file. Errors: where LOAM_MODELS has none. */
export function smolLm(): string {
  const folder = join(process.env.LOAM_MODELS ?? "", folderName);
  const file = process.env.LOAM_MODELS && existsSync(folder) ? readdirSync(folder).find(f => f.endsWith(".gguf")) : undefined;
  if (file === undefined) throw new Error(`LOAM_MODELS names no folder with ${folderName}`);
  return join(folder, file);
}

export interface Range {
  readonly least: number;
  readonly most: number;
}

/** One request of a load: a prompt in tokens, and how many tokens are to be written. */
export interface LoadRequest {
  readonly prompt: readonly number[];
  readonly maxTokens: number;
}

/** Requests over passages of real mails, none of which begins like another; drawn by a fixed seed. */
export async function mailRequests(model: string, count: number, prompts: Range, answers: Range): Promise<LoadRequest[]> {
  const { tokenizer } = await modelText(localModel(model).files);
  const texts = await mailTexts(process.cwd());
  const r = random("serving load");
  const within = ({ least, most }: Range) => least + r.below(most - least + 1);
  const requests: LoadRequest[] = [];
  while (requests.length < count) {
    const text = texts[r.below(texts.length)]!;
    const length = within(prompts);
    const from = r.below(Math.max(1, text.length - 6 * length));
    const prompt = Array.from(tokenizer.encode(text.slice(from, from + 8 * length))).slice(0, length);
    if (prompt.length === length) requests.push({ prompt, maxTokens: within(answers) });
  }
  return requests;
}
