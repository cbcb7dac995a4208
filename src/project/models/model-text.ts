/**
 * What a model's files say of its text: tokenizer, chat template, tokens that end an answer. Three formats, a row each: Loam's own, a Hugging
 * Face folder, a GGUF file's metadata.
 */
import { z } from "zod";
import { check, defined } from "../../base/index.ts";
import { type FilesReader, modelFormat, openGgufOf, type WeightsFormat } from "../../nn/index.ts";
import type { ServedChatTemplate } from "../../serve/index.ts";
import { chatTemplate, endToken, ggufTokenizer, loadTokenizer, type Tokenizer } from "../../text/index.ts";
import { projectErrors } from "../errors.ts";
import { ggufSampling, huggingFaceSampling, type SamplingDefaults } from "./generation-defaults.ts";

export interface ModelText {
  readonly tokenizer: Tokenizer;
  readonly chatTemplate?: ServedChatTemplate;
  /** The template's source, and the texts of the first and last token, as exports write them. */
  readonly template?: string;
  readonly bosToken?: string;
  readonly eosToken?: string;
  readonly startToken?: number;
  readonly stopTokens: readonly number[];
  /** How its makers would have it sampled. */
  readonly sampling?: SamplingDefaults;
}

/** In an artifact whose model was taught to chat. */
export const ownTemplate = "chat-template.jinja";

const has = (reader: FilesReader, name: string): boolean => reader.files.some(f => f.name === name);
const textOf = async (reader: FilesReader, name: string): Promise<string> => Buffer.from(await reader.read(name)).toString("utf8");
const placeOf = (reader: FilesReader, name: string): string => (reader.id ? `${reader.id}: ${name}` : name);

async function tokenizerFile(reader: FilesReader): Promise<Tokenizer> {
  const name = "tokenizer.json";
  if (!has(reader, name))
    throw projectErrors.fail("model", {
      place: reader.id ?? "model",
      expected: name,
      received: has(reader, "tokenizer.model") ? "tokenizer.model only" : "none",
      hint: "Save the tokenizer with a recent `transformers`: it writes that file.",
    });
  return loadTokenizer(await textOf(reader, name), { place: placeOf(reader, name) });
}

async function ownText(reader: FilesReader): Promise<ModelText> {
  const tokenizer = await tokenizerFile(reader);
  const end = tokenizer.specials.get(endToken);
  const template = has(reader, ownTemplate) ? await textOf(reader, ownTemplate) : undefined;
  return {
    tokenizer,
    ...(template === undefined ? {} : { chatTemplate: chatTemplate(template), template }),
    ...(end === undefined ? {} : { startToken: end, bosToken: endToken, eosToken: endToken }),
    stopTokens: end === undefined ? [] : [end],
  };
}

/** A template that is told the model's own first and last token. */
export function templateWith(source: string, bosToken = "", eosToken = ""): ServedChatTemplate {
  const template = chatTemplate(source);
  return { source, render: (messages, options) => template.render(messages, { bosToken, eosToken, ...options }) };
}

async function json<S extends z.ZodType>(reader: FilesReader, name: string, schema: S): Promise<z.output<S> | undefined> {
  if (!has(reader, name)) return undefined;
  const place = placeOf(reader, name);
  let value: unknown;
  try {
    value = JSON.parse(await textOf(reader, name));
  } catch (error) {
    throw projectErrors.fail("model", { place, expected: "JSON", received: (error as Error).message.slice(0, 100) }, error);
  }
  return check(schema, value, place);
}

const token = z
  .union([z.string(), z.looseObject({ content: z.string() })])
  .transform(t => (typeof t === "string" ? t : t.content))
  .nullish();
const ids = z
  .union([z.int().nonnegative(), z.array(z.int().nonnegative())])
  .transform(x => (typeof x === "number" ? [x] : x))
  .nullish();
// these files hold much that is other programs' business
const tokenizerConfig = z.looseObject({
  bos_token: token,
  eos_token: token,
  chat_template: z.union([z.string(), z.array(z.looseObject({ name: z.string(), template: z.string() }))]).nullish(),
});
const endings = z.looseObject({ eos_token_id: ids });

async function huggingFaceText(reader: FilesReader): Promise<ModelText> {
  const tokenizer = await tokenizerFile(reader);
  const settings = await json(reader, "tokenizer_config.json", tokenizerConfig);
  const named = settings?.chat_template;
  const template = has(reader, "chat_template.jinja")
    ? await textOf(reader, "chat_template.jinja")
    : typeof named === "string"
      ? named
      : named?.find(t => t.name === "default")?.template;
  const end = settings?.eos_token ? tokenizer.idOf(settings.eos_token) : undefined;
  const generation = await json(reader, "generation_config.json", endings);
  const sampling = generation && huggingFaceSampling(generation, placeOf(reader, "generation_config.json"));
  const listed = generation?.eos_token_id ?? (await json(reader, "config.json", endings))?.eos_token_id ?? [];
  return {
    tokenizer,
    ...(template === undefined
      ? {}
      : { chatTemplate: templateWith(template, settings?.bos_token ?? "", settings?.eos_token ?? ""), template }),
    ...(settings?.bos_token ? { bosToken: settings.bos_token } : {}),
    ...(settings?.eos_token ? { eosToken: settings.eos_token } : {}),
    stopTokens: [...new Set([...listed, ...(end === undefined ? [] : [end])])],
    ...defined({ sampling }),
  };
}

async function ggufText(reader: FilesReader, name: string): Promise<ModelText> {
  const file = await openGgufOf(reader, name);
  try {
    const { tokenizer, stopTokens, chatTemplate: source, bosToken, eosToken } = ggufTokenizer(file.values, file.place);
    const sampling = ggufSampling(file.values, file.place);
    return {
      tokenizer,
      stopTokens,
      ...defined({ sampling }),
      ...(source === undefined ? {} : { chatTemplate: templateWith(source, bosToken, eosToken), template: source }),
      ...defined({ bosToken, eosToken }),
    };
  } finally {
    await file.close();
  }
}

const readers: { readonly [F in WeightsFormat]: (reader: FilesReader, file: string) => Promise<ModelText> } = {
  loam: ownText,
  huggingface: huggingFaceText,
  gguf: ggufText,
};

/** Reads it. Errors: those of the files (nn, text, base), project/model where one is missing. */
export async function modelText(reader: FilesReader): Promise<ModelText> {
  const { format, file } = await modelFormat(reader);
  return readers[format](reader, file);
}
