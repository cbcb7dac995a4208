/** Prompts of llama.cpp's API to tokens: texts, tokens, both in a row, and lists of these. */
import { withDetails } from "../../../base/index.ts";
import type { NativePrompt } from "../../../protocols/index.ts";
import type { Engine } from "../../engine.ts";
import { serveErrors } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { type ServedTokenizer, startTokensOf } from "../../served-model.ts";
import { promptTokens } from "../prompt.ts";

type Mixed = string | readonly (string | number)[];
type OnePrompt = Mixed | { readonly prompt_string: Mixed; readonly multimodal_data?: unknown };

/** A list that holds a token id is one prompt, any other list is several. */
const severalOf = (prompt: NativePrompt): readonly OnePrompt[] =>
  Array.isArray(prompt) && !prompt.some(p => typeof p === "number") ? (prompt as OnePrompt[]) : [prompt as OnePrompt];

/** Whether the answer is a list: where prompts came as one. */
export const isPromptList = (prompt: NativePrompt): boolean => Array.isArray(prompt) && !prompt.some(p => typeof p === "number");

interface MixedOptions {
  readonly readSpecialTokens?: boolean;
}

/** Tokens of texts and token ids in a row, without the model's own around them. */
export function mixedTokens(tokenizer: ServedTokenizer, text: Mixed, { readSpecialTokens = true }: MixedOptions = {}): number[] {
  const encode = (t: string) => Array.from(tokenizer.encode(t, { addSpecialTokens: false, readSpecialTokens }));
  return (typeof text === "string" ? [text] : text).flatMap(part => (typeof part === "string" ? encode(part) : [part]));
}

/** Characters that all texts of a prompt have, which bound what the tokenizer is given. */
const charactersOf = (text: Mixed): number =>
  (typeof text === "string" ? [text] : text).reduce<number>((n, part) => n + (typeof part === "string" ? part.length : 0), 0);

type Room = Pick<Engine, "room">;

const tooLong = (engine: Room, tokens: number, what: string) =>
  withDetails(
    serveErrors.fail("contextLength", {
      place: "prompt",
      message: `the request (${what}) exceeds the available context size (${engine.room} tokens)`,
      hint: "Shorten the prompt.",
    }),
    { n_prompt_tokens: tokens, n_ctx: engine.room },
  );

/** Errors: serve/contextLength where a prompt leaves no room for a token of an answer. */
export function checkPromptRoom(engine: Room, prompt: readonly number[]): readonly number[] {
  if (prompt.length >= engine.room) throw tooLong(engine, prompt.length, `${prompt.length} tokens`);
  return prompt;
}

/** What cannot fit is not tokenized at all. Errors: serve/contextLength. */
export function checkPromptCharacters(engine: Room, text: Mixed): void {
  const characters = charactersOf(text);
  // no token is longer, so there are at least as many
  if (characters > engine.room * limits.charactersPerToken)
    throw tooLong(engine, Math.ceil(characters / limits.charactersPerToken), `${characters} characters`);
}

function tokensOf(engine: Engine, prompt: OnePrompt): readonly number[] {
  const isObject = typeof prompt === "object" && "prompt_string" in prompt;
  if (isObject && prompt.multimodal_data != null)
    throw serveErrors.fail("unsupported", { place: "prompt.multimodal_data", message: "the served model reads text only" });
  const text = isObject ? prompt.prompt_string : (prompt as Mixed);
  checkPromptCharacters(engine, text);
  if (typeof text === "string") return checkPromptRoom(engine, text === "" ? emptyPrompt(engine) : promptTokens(engine, text));
  const [first, ...rest] = text;
  // the start token stands before a prompt that begins with a text
  const start =
    typeof first === "string" && first !== "" ? [...promptTokens(engine, first)] : mixedTokens(engine.model.tokenizer, [first!]);
  return checkPromptRoom(engine, [...start, ...mixedTokens(engine.model.tokenizer, rest)]);
}

/** Of an empty text the start token is left. Errors: serve/parameter where the model has none. */
function emptyPrompt({ model }: Engine): readonly number[] {
  const start = startTokensOf(model);
  if (start.length > 0) return start;
  throw serveErrors.fail("parameter", { place: "prompt", expected: "a text that is not empty", received: '""' });
}

/** Errors: serve/contextLength, serve/parameter, serve/unsupported. */
export const nativePrompts = (engine: Engine, prompt: NativePrompt): readonly (readonly number[])[] =>
  severalOf(prompt).map(p => tokensOf(engine, p));
