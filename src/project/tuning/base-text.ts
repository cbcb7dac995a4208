/** What a model's files say of its text, as instruction tuning needs it, and how a tuned model carries it on. */
import { type FilesReader, type Model, modelFormat, writeModelFiles } from "../../nn/index.ts";
import type { ArtifactWriter } from "../../store/index.ts";
import { chatTemplate, defaultChatTemplate, defaultSpecialTokens } from "../../text/index.ts";
import type { BaseText } from "../../tune/index.ts";
import { writeHuggingFace } from "../models/hugging-face-files.ts";
import { type ModelText, modelText, ownTemplate } from "../models/model-text.ts";

/** A model of ours that was never taught to chat is taught Loam's own template, whose tokens its tokenizer has. */
const withTemplate = (text: ModelText): ModelText =>
  text.chatTemplate === undefined && defaultSpecialTokens.every(t => text.tokenizer.specials.has(t))
    ? { ...text, template: defaultChatTemplate, chatTemplate: chatTemplate(defaultChatTemplate) }
    : text;

export async function baseText(files: FilesReader): Promise<BaseText & ModelText> {
  const text = withTemplate(await modelText(files));
  const beginToken = text.bosToken === undefined ? undefined : text.tokenizer.idOf(text.bosToken);
  return { ...text, beginToken };
}

/** A model of ours stays one; somebody else's becomes the folder that its own programs read. */
export async function writeTuned(output: ArtifactWriter, model: Model, base: FilesReader, text: BaseText): Promise<void> {
  if ((await modelFormat(base)).format !== "loam") return writeHuggingFace(output, model, text as BaseText & ModelText);
  await writeModelFiles(output, model);
  await output.write("tokenizer.json", await base.read("tokenizer.json"));
  if (text.template !== undefined) await output.write(ownTemplate, text.template);
}
