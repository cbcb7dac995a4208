/** A chat under way, for every contract that has one: turns and tools to the prompt's tokens, the answers to it, and the parser that finds reasoning and calls in them. */
import { defined } from "../../base/index.ts";
import type { FormState } from "../../nn/index.ts";
import type { SamplingFields, TokenFields } from "../../protocols/index.ts";
import type { Engine, Generation } from "../engine.ts";
import { eitherForm, formAfter } from "../form-states.ts";
import type { ServedChatTurn } from "../served-model.ts";
import type { Asker } from "./exchange.ts";
import { generationRequests } from "./generation-requests.ts";
import { checkOutcomes } from "./logprob-bounds.ts";
import { chatTokens, type TemplateUse, transcriptStops } from "./prompt.ts";
import { behindReasoning } from "./reasoning/form.ts";
import { isReasoningOpen, type ReasoningMarks, reasoningMarks } from "./reasoning/marks.ts";
import { ReasoningAnswer, ReasoningCount } from "./reasoning/reasoning-answer.ts";
import { truncatedPrompt } from "./token-fields.ts";
import { type AnswerParser, plainAnswer, ToolAnswer } from "./tools/answer-parser.ts";
import { oneCall, strictCalls } from "./tools/call-state.ts";
import { describedTools } from "./tools/described.ts";
import { formatOf, type ToolFormat, toolFormats } from "./tools/format.ts";
import { type ToolUse, wireTool } from "./tools/tool.ts";

/** How the prompt is written, and how much the model may think. */
export interface ChatWish extends Omit<TemplateUse, "tools"> {
  /** Tokens of the reasoning at most. */
  readonly reasoningTokens?: number | undefined;
  /** The reasoning stays where it stands in the answer. */
  readonly isUnsplit?: boolean | undefined;
}

interface ChatAsk extends Asker {
  readonly engine: Engine;
  readonly turns: readonly ServedChatTurn[];
  readonly use: ToolUse | undefined;
  readonly body: SamplingFields & Partial<TokenFields>;
  readonly maxTokens: number | undefined;
  readonly likelihoods?: number | undefined;
  readonly wish?: ChatWish | undefined;
}

export interface ChatRun {
  readonly prompts: readonly (readonly number[])[];
  readonly generations: readonly Generation[];
  /** A parser for one answer. */
  parser(): AnswerParser;
}

/** What a chat is put to the model as. */
interface ChatPrompt {
  readonly tokens: readonly number[];
  /** What the prompt already has of the answer. */
  readonly beginning: string;
  readonly format: ToolFormat;
  /** The form of an answer that must call. */
  readonly form: FormState | undefined;
  readonly showsSpecials: boolean;
  readonly marks: ReasoningMarks | undefined;
  /** The answer begins inside of the reasoning. */
  readonly isReasoning: boolean;
}

const plainTokens = ({ model: { tokenizer } }: Engine, text: string): number[] =>
  Array.from(tokenizer.encode(text, { addSpecialTokens: false }));

/**
 * The prompt, and what makes an answer call: where the tokenizer tells its bytes, what stands before a call and then a mask that lets nothing but
 * a call through; else the beginning of one, and what follows is the model's own. Where the answer begins with reasoning, the call comes behind
 * it. Errors: text/constraint for a schema that cannot be kept to.
 */
export function chatPrompt(
  engine: Engine,
  turns: readonly ServedChatTurn[],
  use: ToolUse | undefined,
  wish: ChatWish = {},
  onRelaxed: Asker["onRelaxed"] = undefined,
): ChatPrompt {
  const { chatTemplate, tokenizer } = engine.model;
  const own = formatOf((wish.template ?? chatTemplate)?.source);
  const format = own ?? toolFormats.hermes;
  const hasCalls = use !== undefined || turns.some(t => t.role === "tool" || t.tool_calls !== undefined);
  const written = own || !hasCalls ? turns : describedTools(turns, use);
  const tokens = chatTokens(engine, written, { ...wish, tools: own && use ? use.tools.map(wireTool) : undefined });
  const marks = reasoningMarks(engine.model);
  const continued = wish.isContinued ? (turns.at(-1)?.content ?? "") : "";
  const isReasoning = marks !== undefined && isReasoningOpen(engine.model, marks, tokens, continued);
  const base = { format, showsSpecials: own?.showsSpecials ?? false, marks, isReasoning };
  if (!use || use.choice === "auto") return { ...base, tokens, beginning: "", form: undefined };
  if (!tokenizer.bytesOf) {
    const beginning = format.begun(typeof use.choice === "object" ? use.choice.name : undefined);
    return { ...base, tokens: [...tokens, ...plainTokens(engine, beginning)], beginning, form: undefined };
  }
  const call = oneCall(tokenizer, format, use, onRelaxed);
  const before = plainTokens(engine, format.before);
  if (isReasoning) return { ...base, tokens, beginning: "", form: formAfter(before, call) };
  return { ...base, tokens: [...tokens, ...before], beginning: format.before, form: call };
}

/** The form of an answer: of a call where it must call, its own or one call instead, or of the calls in it where their functions are strict. */
function answerForm(
  { model: { tokenizer } }: Engine,
  prompt: ChatPrompt,
  use: ToolUse | undefined,
  asked: FormState | undefined,
  onRelaxed: Asker["onRelaxed"],
) {
  const { form, format } = prompt;
  if (form) return form;
  if (use?.choice !== "auto" || !tokenizer.bytesOf) return asked;
  // which of them, the model says with its first tokens
  if (asked) {
    const before = Array.from(tokenizer.encode(format.before, { addSpecialTokens: false }));
    return eitherForm([asked, formAfter(before, oneCall(tokenizer, format, use, onRelaxed))]);
  }
  return use.tools.some(t => t.strict === true) ? strictCalls(tokenizer, format, use, onRelaxed) : undefined;
}

/** Parts that are there before the first text go out with it. */
function withFirst(parser: AnswerParser, beginning: string): AnswerParser {
  let waiting = parser.push(beginning);
  if (waiting.length === 0) return parser;
  const all = (parts: ReturnType<AnswerParser["push"]>) => {
    const taken = [...waiting, ...parts];
    waiting = [];
    return taken;
  };
  return { push: text => all(parser.push(text)), end: isCut => all(parser.end(isCut)) };
}

function answerParser(
  { model }: Engine,
  { format, beginning, marks, isReasoning }: ChatPrompt,
  use: ToolUse | undefined,
  isUnsplit: boolean,
): AnswerParser {
  const inner = use ? withFirst(new ToolAnswer(format, use), beginning) : plainAnswer;
  // an answer that has begun with a call has nothing to think before it
  if (!marks || isUnsplit || beginning !== "") return inner;
  const answer = new ReasoningAnswer({ marks, isOpen: isReasoning, inner });
  const count = new ReasoningCount(model.tokenizer, marks, isReasoning);
  return {
    push: (text, tokens = []) => {
      count.add(tokens);
      return answer.push(text);
    },
    end: isCut => answer.end(isCut),
    get reasoningTokens() {
      return count.tokens;
    },
  };
}

/** Starts the answers. Errors: those of prompt and engine. */
export function startChat(ask: ChatAsk): ChatRun {
  const { engine, turns, use, body, maxTokens, likelihoods, wish, requestId, owner, signal, onRelaxed } = ask;
  const prompt = chatPrompt(engine, turns, use, wish, onRelaxed);
  const { format, marks, isReasoning, beginning } = prompt;
  const tokens = truncatedPrompt(body, prompt.tokens, engine, maxTokens);
  checkOutcomes("prompt_logprobs", body.prompt_logprobs ?? 0, tokens.length);
  checkOutcomes("top_logprobs", likelihoods ?? 0, Math.min(maxTokens ?? engine.room, engine.room) * (body.n ?? 1));
  const isOneCall = use !== undefined && (!use.isParallel || use.choice !== "auto");
  const { chatTemplate, tokenizer } = engine.model;
  const requests = generationRequests({
    body,
    engine,
    prompts: [tokens],
    maxTokens,
    stop: [...(wish?.template || chatTemplate ? [] : transcriptStops), ...(isOneCall ? format.stopAfterOne : [])],
    likelihoods,
    requestId,
    owner,
    signal,
    ...defined({ onRelaxed }),
  });
  const isMarked = marks !== undefined && tokenizer.specials.has(marks.close);
  const seen = isMarked || (use && prompt.showsSpecials) ? { skipSpecialTokens: false } : {};
  const reasoning = marks && beginning === "" ? { marks, isOpen: isReasoning, most: wish?.reasoningTokens } : undefined;
  const generations = engine.submitAll(
    requests.map(r => {
      const form = answerForm(engine, prompt, use, r.form, onRelaxed);
      return { ...r, ...seen, ...defined({ form: reasoning ? behindReasoning(engine.model, reasoning, form) : form }) };
    }),
  );
  return { prompts: [tokens], generations, parser: () => answerParser(engine, prompt, use, wish?.isUnsplit === true) };
}

/** Why an answer ended, in OpenAI's words: it called, unless it was cut off. */
export const finishReasonOf = (reason: string, hasCalls: boolean): string => (hasCalls && reason === "stop" ? "tool_calls" : reason);
