/** Requests to tokens: the prompts of completions, and chats through the model's template with texts that cannot forge its special tokens. */
import { defined } from "../../base/index.ts";
import { encodeChat, templateDates } from "../../text/index.ts";
import type { Engine } from "../engine.ts";
import { contextLength, serveErrors } from "../errors.ts";
import { limits } from "../limits.ts";
import type { ServedChatTemplate, ServedChatTurn, ServedModel } from "../served-model.ts";
import { asTemplateReads, checkRoles } from "./chat-messages.ts";

/** A prompt that cannot fit is not tokenized at all: the tokenizer runs on the thread that serves everyone. */
export function checkPromptLength(engine: Engine, characters: number, place: string): void {
  const most = engine.room * limits.charactersPerToken;
  if (characters > most)
    throw contextLength(
      engine.room,
      `your ${place === "messages" ? "messages" : "prompt"} have ${characters} characters, more than ${limits.charactersPerToken} a token`,
      {
        place,
        hint: `Shorten the ${place === "messages" ? "messages" : "prompt"}.`,
      },
    );
}

/** The start token in front, as in training; an encoder that has put it there already is believed. */
export const withStartToken = (model: ServedModel, ids: readonly number[]): number[] =>
  model.startToken === undefined || ids[0] === model.startToken ? [...ids] : [model.startToken, ...ids];

/** Tokens of one prompt of the completions API: text, with or without the model's own tokens around it, or tokens that are taken as they are. Errors: serve/contextLength, serve/parameter. */
export function promptTokens(engine: Engine, prompt: string | readonly number[], addSpecialTokens = true): readonly number[] {
  const { model } = engine;
  if (typeof prompt !== "string") return prompt;
  checkPromptLength(engine, prompt.length, "prompt");
  const encoded = Array.from(model.tokenizer.encode(prompt, { addSpecialTokens }));
  const ids = addSpecialTokens ? withStartToken(model, encoded) : encoded;
  if (ids.length === 0) throw serveErrors.fail("parameter", { place: "prompt", expected: "a text that is not empty", received: '""' });
  return ids;
}

/** What a model without a template is given: a transcript. Its answer ends where the user's next turn would begin. */
const lineOf = (t: ServedChatTurn): string => `${t.role[0]!.toUpperCase()}${t.role.slice(1)}: ${t.content}`;
export function transcript(turns: readonly ServedChatTurn[], { isContinued, addsGenerationPrompt }: TemplateUse = {}): string {
  const lines = turns.map(lineOf).join("\n");
  return isContinued ? lines : `${lines}\n${addsGenerationPrompt === false ? "" : "Assistant:"}`;
}
export const transcriptStops: readonly string[] = ["\nUser:"];

/** How a chat becomes a prompt. */
export interface TemplateUse {
  /** Functions, as the template is to write them. */
  readonly tools?: readonly unknown[] | undefined;
  /** The answer goes on from the last turn. */
  readonly isContinued?: boolean | undefined;
  /** The prompt ends with the start of the assistant's turn; true when absent. */
  readonly addsGenerationPrompt?: boolean | undefined;
  /** In place of the model's own. */
  readonly template?: ServedChatTemplate | undefined;
  /** Further variables of the template. */
  readonly variables?: Readonly<Record<string, unknown>> | undefined;
}

/** Templates of older models (firefunction) read tools as a JSON text, and cannot be written without it. */
const readsFunctions = ({ source = "" }: ServedChatTemplate): boolean => /\bfunctions\b/.test(source) && !/\btools\b/.test(source);

/** What templates of served models read: today's date, unless a request has another, and the request's own variables. */
export const templateVariables = (
  template: ServedChatTemplate,
  given: TemplateUse["variables"] | null,
  tools?: readonly unknown[],
): Readonly<Record<string, unknown>> => ({
  ...templateDates(),
  ...(readsFunctions(template) ? { functions: tools?.length ? JSON.stringify(tools, undefined, 2) : "" } : {}),
  ...given,
});

/** Tokens of a chat. Errors: serve/contextLength, text/template. */
export function chatTokens(engine: Engine, turns: readonly ServedChatTurn[], use: TemplateUse = {}): number[] {
  const { model } = engine;
  const { tokenizer } = model;
  const template = use.template ?? model.chatTemplate;
  checkPromptLength(
    engine,
    turns.reduce((n, t) => n + t.content.length, 0),
    "messages",
  );
  if (!template) checkRoles(undefined, turns);
  if (!template) return withStartToken(model, Array.from(tokenizer.encode(transcript(turns, use), { readSpecialTokens: false })));
  const { tools, variables, isContinued = false, addsGenerationPrompt = !isContinued } = use;
  // the template writes the tokens at its start itself
  return Array.from(
    encodeChat(tokenizer, template, asTemplateReads(template, turns), {
      addGenerationPrompt: addsGenerationPrompt,
      continueFinalMessage: isContinued,
      variables: templateVariables(template, variables, tools),
      ...defined({ tools }),
    }),
  );
}
