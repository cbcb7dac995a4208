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
import { fillFormatOf, gapTokens } from "../fill-in-middle.ts";
import { parseBody } from "../parse.ts";
import { checkedBody } from "../request-fields.ts";
import { answerNative } from "./completion.ts";
import { adaptedDecoder } from "./lora.ts";
import { checkPromptCharacters, checkPromptRoom, mixedTokens } from "./native-prompts.ts";

/** Tokens before the repository's name and before each file, where a model has them. */
const repositoryTokens = ["<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>"];
const fileTokens = ["<|file_sep|>", "<file_sep>"];
const firstOf = ({ model: { tokenizer } }: Engine, texts: readonly string[]): number | undefined =>
  texts.map(text => tokenizer.specials.get(text)).find(id => id !== undefined);

/** llama.cpp's batch, which prefix and suffix fill at most. */
const batchTokens = 2048;
/** What stands between other files where a model has no token for it. */
const snippet = "\n\n--- snippet ---\n\n";

function formatFor({ model }: Engine) {
  const format = fillFormatOf(model.tokenizer);
  if (format) return format;
  throw serveErrors.fail("unsupported", {
    place: "model",
    expected: "a model with tokens for prefix, suffix and middle",
    received: `"${model.id}", which has none`,
    hint: "Serve a code model that was trained to infill, such as Qwen 2.5 Coder, or use /completion.",
  });
}

/** Errors: serve/unsupported where the model cannot infill, serve/contextLength. */
function infillPrompt(engine: Engine, body: z.output<typeof infillRequest>) {
  const { tokenizer } = engine.model;
  const format = formatFor(engine);
  const repository = firstOf(engine, repositoryTokens);
  const file = firstOf(engine, fileTokens);
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
    ...(repository === undefined ? [] : [repository, ...encode("myproject\n")]),
    ...extra.flatMap(({ text, filename }) => [
      ...(file === undefined ? encode(snippet) : [file, ...encode(`${filename ?? "tmp"}\n`)]),
      ...encode(text),
    ]),
    ...(file === undefined ? [] : [file, ...encode("filename\n")]),
  ];
  const room = Math.max(0, engine.room - batch - 2 * Math.max(0, body.n_predict ?? 0));
  const tokens = [
    ...(room > 0 ? others.slice(-room) : []),
    ...startTokensOf(engine.model),
    ...gapTokens(format, [...prefix, ...begun], suffix),
  ];
  return {
    tokens: checkPromptRoom(engine, tokens),
    stopTokens: [...format.stopTokens, ...[repository, file].filter(t => t !== undefined)],
  };
}

export async function infill(c: AppContext, services: Services): Promise<Response> {
  const body = parseBody(infillRequest, await checkedBody(c, requestFields.infill));
  const engine = adaptedDecoder(c, services, body);
  const { tokens, stopTokens } = infillPrompt(engine, body);
  return answerNative(c, services, { body, engine, prompts: [tokens], isList: false, stopTokens });
}
