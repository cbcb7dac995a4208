/** Requests to tokens: the prompts of completions, and chats through the model's template with texts that cannot forge its special tokens. */
import { defined } from "../../base/index.ts";
import { encodeChat } from "../../text/index.ts";
import type { Engine } from "../engine.ts";
import { serveErrors } from "../errors.ts";
import { limits } from "../limits.ts";
import type { ServedChatTurn, ServedModel } from "../served-model.ts";

/** A prompt that cannot fit is not tokenized at all: the tokenizer runs on the thread that serves everyone. */
function checkLength(engine: Engine, characters: number, place: string): void {
  const most = engine.room * limits.charactersPerToken;
  if (characters > most)
    throw serveErrors.fail("contextLength", {
      place,
      expected: `at most ${engine.room} tokens (the context of ${engine.model.id})`,
      received: `${characters} characters, more than ${limits.charactersPerToken} a token`,
      hint: "Shorten the prompt.",
    });
}

/** The start token in front, as in training; an encoder that has put it there already is believed. */
const withStart = (model: ServedModel, ids: readonly number[]): number[] =>
  model.startToken === undefined || ids[0] === model.startToken ? [...ids] : [model.startToken, ...ids];

/** Tokens of one prompt of the completions API: text, with or without the model's own tokens around it, or tokens that are taken as they are. Errors: serve/contextLength, serve/parameter. */
export function promptTokens(engine: Engine, prompt: string | readonly number[], addSpecialTokens = true): readonly number[] {
  const { model } = engine;
  if (typeof prompt !== "string") return prompt;
  checkLength(engine, prompt.length, "prompt");
  const encoded = Array.from(model.tokenizer.encode(prompt, { addSpecialTokens }));
  const ids = addSpecialTokens ? withStart(model, encoded) : encoded;
  if (ids.length === 0) throw serveErrors.fail("parameter", { place: "prompt", expected: "a text that is not empty", received: '""' });
  return ids;
}

/** What a model without a template is given: a transcript. Its answer ends where the user's next turn would begin. */
const transcript = (turns: readonly ServedChatTurn[]): string =>
  `${turns.map(t => `${t.role[0]!.toUpperCase()}${t.role.slice(1)}: ${t.content}\n`).join("")}Assistant:`;
export const transcriptStops: readonly string[] = ["\nUser:"];

/** Tokens of a chat, with the tools that the template is to write. Errors: serve/contextLength, text/template. */
export function chatTokens(engine: Engine, turns: readonly ServedChatTurn[], tools?: readonly unknown[]): number[] {
  const { model } = engine;
  const { chatTemplate, tokenizer } = model;
  checkLength(
    engine,
    turns.reduce((n, t) => n + t.content.length, 0),
    "messages",
  );
  if (!chatTemplate) return withStart(model, Array.from(tokenizer.encode(transcript(turns), { readSpecialTokens: false })));
  // the template writes the tokens at its start itself
  return Array.from(encodeChat(tokenizer, chatTemplate, turns, { addGenerationPrompt: true, ...defined({ tools }) }));
}
