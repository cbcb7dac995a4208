/** How a request wants its chat to be written for the model: vLLM's parameters of templates, and those of reasoning. */
import { chatTemplate } from "../../text/index.ts";
import type { Engine } from "../engine.ts";
import { serveErrors } from "../errors.ts";
import { limits } from "../limits.ts";
import type { ServedChatTemplate, ServedChatTurn } from "../served-model.ts";
import type { ChatWish } from "./chat-run.ts";
import type { Services } from "./exchange.ts";
import { reasoningMarks } from "./reasoning/marks.ts";
import { reasoningVariables } from "./reasoning/variables.ts";

interface WishFields {
  readonly continue_final_message?: boolean | null | undefined;
  readonly add_generation_prompt?: boolean | null | undefined;
  readonly chat_template?: string | null | undefined;
  readonly chat_template_kwargs?: Readonly<Record<string, unknown>> | null | undefined;
  readonly reasoning_effort?: string | null | undefined;
  readonly thinking_token_budget?: number | null | undefined;
  readonly reasoning_budget_tokens?: number | null | undefined;
  readonly thinking_budget_tokens?: number | null | undefined;
  readonly reasoning_format?: string | null | undefined;
}

/** The caller's own template. Errors: serve/unsupported where the operator takes none, text/template. */
function ownTemplate(source: string | null | undefined, { trustsChatTemplates }: Services): ServedChatTemplate | undefined {
  if (source == null) return undefined;
  if (trustsChatTemplates !== true)
    throw serveErrors.fail("unsupported", {
      place: "chat_template",
      message: "this server takes no templates from requests",
      hint: "Leave it out, or start the server with --trust-request-chat-template.",
    });
  return chatTemplate(source, { steps: limits.requestTemplateSteps });
}

/** Fields by which a request asks a model to reason, or not to, which this model's template and vocabulary know nothing of. */
export function unreadWishes(engine: Engine, { reasoning_effort: effort, thinking_token_budget: budget }: WishFields): readonly string[] {
  const source = engine.model.chatTemplate?.source ?? "";
  if (reasoningMarks(engine.model)) return [];
  const hasEffort = effort != null && effort !== "none" && !source.includes("reasoning_effort");
  return [...(hasEffort ? ["reasoning_effort"] : []), ...(budget == null ? [] : ["thinking_token_budget"])];
}

/** Errors: serve/parameter where parameters contradict each other, serve/unsupported and text/template for a template. */
export function chatWish(engine: Engine, turns: readonly ServedChatTurn[], body: WishFields, services: Services): ChatWish {
  const { continue_final_message: isContinued = false, add_generation_prompt: adds, chat_template_kwargs: given } = body;
  if (isContinued && adds === true)
    throw serveErrors.fail("parameter", {
      place: "continue_final_message",
      expected: "add_generation_prompt: false beside it",
      received: "true for both",
    });
  if (isContinued && turns.at(-1)?.role !== "assistant")
    throw serveErrors.fail("parameter", {
      place: "messages",
      expected: "a last message of the assistant's, which continue_final_message goes on with",
      received: `one of the role "${turns.at(-1)?.role}"`,
    });
  const size = given ? JSON.stringify(given).length : 0;
  if (size > limits.templateVariableCharacters)
    throw serveErrors.fail("parameter", {
      place: "chat_template_kwargs",
      expected: `at most ${limits.templateVariableCharacters} characters of JSON`,
      received: String(size),
    });
  const template = ownTemplate(body.chat_template, services);
  const source = (template ?? engine.model.chatTemplate)?.source ?? "";
  const budget = body.thinking_token_budget ?? body.reasoning_budget_tokens ?? body.thinking_budget_tokens ?? undefined;
  return {
    isContinued: isContinued === true,
    addsGenerationPrompt: adds ?? undefined,
    template,
    variables: { ...reasoningVariables(source, { effort: body.reasoning_effort }), ...given },
    reasoningTokens: budget !== undefined && budget >= 0 ? budget : undefined,
    isUnsplit: body.reasoning_format === "none",
  };
}
