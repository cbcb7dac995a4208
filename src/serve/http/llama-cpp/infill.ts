/**
 * POST /infill: the text between a prefix and a suffix, for editors. The prompt is llama.cpp's: files of the repository first where the model knows them
 * (Qwen 2.5 Coder's report, arXiv 2409.12186), then prefix, suffix and middle by the model's own tokens. A model without such tokens is refused.
 */
import type { z } from "zod";
import { infillRequest, requestFields } from "../../../protocols/index.ts";
import type { Engine } from "../../engine.ts";
import { serveErrors } from "../../errors.ts";
import { startTokensOf } from "../../served-model.ts";
import type { AppContext, Services } from "../exchange.ts";
import { parseBody } from "../parse.ts";
import { checkedBody } from "../request-fields.ts";
import { answerNative } from "./completion.ts";
import { withAdapter } from "./lora.ts";
import { nativeDecoder } from "./native-model.ts";
import { checkPromptCharacters, checkPromptRoom, mixedTokens } from "./native-prompts.ts";

/** How models write each token: Qwen and others, StarCoder, Granite, DeepSeek, CodeLlama, GLM. */
const spellings = {
  prefix: ["<|fim_prefix|>", "<fim_prefix>", "<fim-prefix>", "<｜fim▁begin｜>", "<PRE>", "▁<PRE>", "<|code_prefix|>"],
  suffix: ["<|fim_suffix|>", "<fim_suffix>", "<fim-suffix>", "<｜fim▁hole｜>", "<SUF>", "▁<SUF>", "<|code_suffix|>"],
  middle: ["<|fim_middle|>", "<fim_middle>", "<fim-middle>", "<｜fim▁end｜>", "<MID>", "▁<MID>", "<|code_middle|>"],
  repository: ["<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>"],
  file: ["<|file_sep|>", "<file_sep>"],
  padding: ["<|fim_pad|>", "<fim_pad>", "<fim-pad>", "<PAD>"],
} as const;
type InfillToken = keyof typeof spellings;

/** The ids of the model's tokens for infilling. */
function infillTokens({ model: { tokenizer } }: Pick<Engine, "model">): Readonly<Partial<Record<InfillToken, number>>> {
  const found: Partial<Record<InfillToken, number>> = {};
  for (const [name, texts] of Object.entries(spellings)) {
    const text = texts.find(t => tokenizer.specials.has(t));
    if (text !== undefined) found[name as InfillToken] = tokenizer.specials.get(text)!;
  }
  return found;
}

/** llama.cpp's batch, which prefix and suffix fill at most. */
const batchTokens = 2048;
/** What stands between other files where a model has no token for it. */
const snippet = "\n\n--- snippet ---\n\n";

function required(engine: Engine) {
  const { prefix, suffix, middle, ...more } = infillTokens(engine);
  if (prefix !== undefined && suffix !== undefined && middle !== undefined) return { prefix, suffix, middle, ...more };
  throw serveErrors.fail("unsupported", {
    place: "model",
    expected: "a model with tokens for prefix, suffix and middle",
    received: `"${engine.model.id}", which has none`,
    hint: "Serve a code model that was trained to infill, such as Qwen 2.5 Coder, or use /completion.",
  });
}

/** Errors: serve/unsupported where the model cannot infill, serve/contextLength. */
function infillPrompt(engine: Engine, body: z.output<typeof infillRequest>) {
  const { tokenizer } = engine.model;
  const fim = required(engine);
  const { input_prefix, input_suffix, input_extra, prompt } = body;
  const extra = input_extra ?? [];
  for (const text of [input_prefix, input_suffix, prompt ?? "", ...extra.map(e => e.text)]) checkPromptCharacters(engine, text);
  // what an editor sends cannot forge the model's tokens
  const encode = (text: typeof input_prefix) => mixedTokens(tokenizer, text, { readSpecialTokens: false });
  const begun = encode(prompt ?? "");
  const batch = Math.min(batchTokens, engine.room);
  const quarter = Math.floor(batch / 4);
  const prefix = encode(input_prefix).slice(-3 * quarter);
  const suffix = encode(input_suffix).slice(0, Math.max(0, quarter - 2 - begun.length));
  const others = [
    ...(fim.repository === undefined ? [] : [fim.repository, ...encode("myproject\n")]),
    ...extra.flatMap(({ text, filename }) => [
      ...(fim.file === undefined ? encode(snippet) : [fim.file, ...encode(`${filename ?? "tmp"}\n`)]),
      ...encode(text),
    ]),
    ...(fim.file === undefined ? [] : [fim.file, ...encode("filename\n")]),
  ];
  const room = Math.max(0, engine.room - batch - 2 * Math.max(0, body.n_predict ?? 0));
  const tokens = [
    ...(room > 0 ? others.slice(-room) : []),
    ...startTokensOf(engine.model),
    ...[fim.prefix, ...prefix, ...begun, fim.suffix, ...suffix, fim.middle],
  ];
  const stopTokens = [fim.repository, fim.file, fim.padding].filter(t => t !== undefined);
  return { tokens: checkPromptRoom(engine, tokens), stopTokens };
}

export async function infill(c: AppContext, services: Services): Promise<Response> {
  const body = parseBody(infillRequest, await checkedBody(c, requestFields.infill));
  const engine = withAdapter(services, nativeDecoder(c, services, body.model), body.lora);
  const { tokens, stopTokens } = infillPrompt(engine, body);
  return answerNative(c, services, { body, engine, prompts: [tokens], isList: false, stopTokens });
}
