/** Requests to tokens: the prompts of completions, and chats through the model's template with texts that cannot forge its special tokens. */
import type { Engine } from "../engine.ts";
import { serveErrors } from "../errors.ts";
import { limits } from "../limits.ts";
import type { ChatTurn, ServedModel } from "../served-model.ts";

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

/** Tokens of one prompt of the completions API: text, or tokens that are taken as they are. Errors: serve/contextLength, serve/parameter. */
export function promptTokens(engine: Engine, prompt: string | readonly number[]): readonly number[] {
  const { model } = engine;
  if (typeof prompt !== "string") return prompt;
  checkLength(engine, prompt.length, "prompt");
  const ids = withStart(model, Array.from(model.tokenizer.encode(prompt)));
  if (ids.length === 0) throw serveErrors.fail("parameter", { place: "prompt", expected: "a text that is not empty", received: '""' });
  return ids;
}

/** What a model without a template is given: a transcript. Its answer ends where the user's next turn would begin. */
const transcript = (turns: readonly ChatTurn[]): string =>
  `${turns.map(t => `${t.role[0]!.toUpperCase()}${t.role.slice(1)}: ${t.content}\n`).join("")}Assistant:`;
export const transcriptStops: readonly string[] = ["\nUser:"];

/** Characters of Unicode's private use, which no text has for a meaning. */
const mark = (i: number): string => `\u{f0000}${i}\u{f0001}`;

/**
 * Tokens of a chat. A turn whose text holds a special token of the model is encoded apart, as plain text, so that nobody can end a turn or
 * speak as the system from inside a message. Errors: serve/contextLength, serve/parameter, text/template.
 */
export function chatTokens(engine: Engine, turns: readonly ChatTurn[]): number[] {
  const { model } = engine;
  const { chatTemplate, tokenizer } = model;
  checkLength(
    engine,
    turns.reduce((n, t) => n + t.content.length, 0),
    "messages",
  );
  if (!chatTemplate) return withStart(model, Array.from(tokenizer.encode(transcript(turns), { readSpecialTokens: false })));
  const specials = [...tokenizer.specials.keys()];
  const isForged = (t: ChatTurn) => specials.some(s => t.content.includes(s));
  const render = (all: readonly ChatTurn[]): string => chatTemplate.render(all, { addGenerationPrompt: true });
  // the template writes the tokens at its start itself
  const encode = (text: string, readSpecialTokens: boolean) =>
    Array.from(tokenizer.encode(text, { addSpecialTokens: false, readSpecialTokens }));
  if (!turns.some(isForged)) return encode(render(turns), true);

  const text = render(turns.map((t, i) => (isForged(t) ? { ...t, content: mark(i) } : t)));
  const ids: number[] = [];
  let at = 0;
  for (const [i, turn] of turns.entries()) {
    if (!isForged(turn)) continue;
    const from = text.indexOf(mark(i), at);
    if (from < 0 || text.includes(mark(i), from + 1))
      throw serveErrors.fail("parameter", {
        place: `messages[${i}].content`,
        expected: "a text without special tokens",
        received: JSON.stringify(specials.find(s => turn.content.includes(s))),
        hint: "The model's template uses this text more than once or not at all.",
      });
    ids.push(...encode(text.slice(at, from), true), ...encode(turn.content, false));
    at = from + mark(i).length;
  }
  return [...ids, ...encode(text.slice(at), true)];
}
