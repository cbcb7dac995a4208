/** A model with random weights, as `transformers` would save it: for what needs versions and no training. */
import { exportHuggingFace, folderFiles, initialise, llamaConfig, modelOf, specOfModel } from "../../src/nn/index.ts";
import { openDevice } from "../../src/tensor/index.ts";
import { trainBpe } from "../../src/text/index.ts";
import { temporaryFolder } from "./project.ts";

export interface ToyModel {
  readonly context?: number;
  /** With a chat template and the token that ends a turn. */
  readonly isChat?: boolean;
}

const chatTemplate =
  "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}";

/** A folder with some thousand numbers, others for each seed. */
export async function toyModelFolder(seed: number, { context = 64, isChat = false }: ToyModel = {}): Promise<string> {
  const folder = temporaryFolder("toy-model");
  const tokenizer = trainBpe(["to be or not to be, that is the question"], {
    vocab: 270,
    ...(isChat ? { specialTokens: ["<|user|>", "<|assistant|>", "<|end|>"] } : {}),
  });
  const config = llamaConfig({ vocab: tokenizer.vocabSize, width: 32, layers: 1, heads: 2, context, hidden: 64 });
  const model = modelOf(
    { family: "decoder", config },
    await initialise(specOfModel({ family: "decoder", config }) as unknown, openDevice("reference"), seed),
  );
  const files = folderFiles(folder);
  await exportHuggingFace(files, model);
  await files.write("tokenizer.json", JSON.stringify(tokenizer.toJSON()));
  if (isChat) {
    await files.write("tokenizer_config.json", JSON.stringify({ chat_template: chatTemplate, eos_token: "<|end|>" }));
    await files.write("generation_config.json", JSON.stringify({ eos_token_id: tokenizer.idOf("<|end|>") }));
  }
  return folder;
}
