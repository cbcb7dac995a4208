/** A chat under way, for every contract that has one: turns and tools to the prompt's tokens, the answers to it, and the parser that finds calls in them. */
import { defined } from "../../base/index.ts";
import type { FormState } from "../../nn/index.ts";
import type { SamplingFields, TokenFields } from "../../protocols/index.ts";
import type { Engine, Generation } from "../engine.ts";
import { eitherForm, formAfter } from "../form-states.ts";
import { formStart } from "../forms.ts";
import type { ServedChatTurn, ServedTokenizer } from "../served-model.ts";
import type { Asker } from "./exchange.ts";
import { generationRequests } from "./generation-requests.ts";
import { chatTokens, transcriptStops } from "./prompt.ts";
import { truncatedPrompt } from "./token-fields.ts";
import { type AnswerParser, plainAnswer, ToolAnswer } from "./tools/answer-parser.ts";
import { describedTools } from "./tools/described.ts";
import { callSchema } from "./tools/forced.ts";
import { begun, formatOf, type ToolFormat, toolFormats } from "./tools/format.ts";
import { type ToolUse, wireTool } from "./tools/tool.ts";

interface ChatAsk extends Asker {
  readonly engine: Engine;
  readonly turns: readonly ServedChatTurn[];
  readonly use: ToolUse | undefined;
  readonly body: SamplingFields & Partial<TokenFields>;
  readonly maxTokens: number | undefined;
  readonly likelihoods?: number | undefined;
}

export interface ChatRun {
  readonly prompts: readonly (readonly number[])[];
  readonly generations: readonly Generation[];
  /** A parser for one answer. */
  parser(): AnswerParser;
}

/**
 * What makes an answer call: where the tokenizer tells its bytes, what stands before a call and then a mask that lets nothing but a call
 * through; else the beginning of one, and what follows is the model's own. Errors: text/constraint for a schema that cannot be kept to.
 */
function forced({ model: { tokenizer } }: Engine, format: ToolFormat, use: ToolUse): { readonly begun: string; readonly form?: FormState } {
  if (use.choice === "auto") return { begun: "" };
  if (!tokenizer.bytesOf) return { begun: begun(format, typeof use.choice === "object" ? use.choice.name : undefined) };
  return { begun: format.before, form: callForm(tokenizer, format, use) };
}

const callForm = (tokenizer: ServedTokenizer, format: ToolFormat, use: ToolUse): FormState =>
  formStart(tokenizer, { kind: "schema", schema: callSchema(use, format), style: "spaced" }, "tools");

/** An answer in its form, or one call instead: which of them, the model says with its first tokens. */
function orCall({ model: { tokenizer } }: Engine, form: FormState, format: ToolFormat, use: ToolUse): FormState {
  const before = Array.from(tokenizer.encode(format.before, { addSpecialTokens: false }));
  return eitherForm([form, formAfter(before, callForm(tokenizer, format, use))]);
}

/** What a chat is put to the model as: its tokens, the beginning of the answer among them, the format of its calls and the form of the answer. */
export function chatPrompt(engine: Engine, turns: readonly ServedChatTurn[], use: ToolUse | undefined) {
  const { chatTemplate, tokenizer } = engine.model;
  const own = formatOf(chatTemplate?.source);
  const format = own ?? toolFormats.hermes;
  const hasCalls = use !== undefined || turns.some(t => t.role === "tool" || t.tool_calls !== undefined);
  const { begun: beginning, form } = use ? forced(engine, format, use) : { begun: "" };
  const tokens = chatTokens(
    engine,
    own || !hasCalls ? turns : describedTools(turns, use),
    own && use ? use.tools.map(wireTool) : undefined,
  );
  if (beginning) tokens.push(...Array.from(tokenizer.encode(beginning, { addSpecialTokens: false })));
  return { tokens, beginning, format, form, showsSpecials: own?.showsSpecials ?? false };
}

/** Starts the answers. Errors: those of prompt and engine. */
export function startChat({ engine, turns, use, body, maxTokens, likelihoods, requestId, owner, signal }: ChatAsk): ChatRun {
  const { tokens, beginning, format, form, showsSpecials } = chatPrompt(engine, turns, use);
  const prompt = truncatedPrompt(body, tokens, engine, maxTokens);
  const isOneCall = use !== undefined && (!use.isParallel || use.choice !== "auto");
  const requests = generationRequests({
    body,
    engine,
    prompts: [prompt],
    maxTokens,
    stop: [...(engine.model.chatTemplate ? [] : transcriptStops), ...(isOneCall ? format.stopAfterOne : [])],
    likelihoods,
    requestId,
    owner,
    signal,
  });
  const asTools = use && showsSpecials ? { skipSpecialTokens: false } : {};
  const generations = engine.submitAll(
    requests.map(r => {
      const formed = form ?? (use && r.form ? orCall(engine, r.form, format, use) : r.form);
      return { ...r, ...asTools, ...defined({ form: formed }) };
    }),
  );
  return {
    prompts: [prompt],
    generations,
    parser: () => {
      if (!use) return plainAnswer;
      const answer = new ToolAnswer(format, use);
      const first = answer.push(beginning);
      if (first.length === 0) return answer;
      // what the beginning already says goes out with the first text
      let waiting = first;
      const withFirst = (parts: ReturnType<AnswerParser["push"]>) => {
        const all = [...waiting, ...parts];
        waiting = [];
        return all;
      };
      return { push: text => withFirst(answer.push(text)), end: () => withFirst(answer.end()) };
    },
  };
}

/** Why an answer ended, in OpenAI's words: it called, unless it was cut off. */
export const finishReasonOf = (reason: string, hasCalls: boolean): string => (hasCalls && reason === "stop" ? "tool_calls" : reason);
