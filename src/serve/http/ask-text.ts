/** Texts continued, for contracts whose words are not OpenAI's: plain prompts, or a user's turn through the template, with OpenAI's options under it. */
import { defined } from "../../base/index.ts";
import type { SamplingFields } from "../../protocols/index.ts";
import type { Engine, Generation } from "../engine.ts";
import type { Asker } from "./exchange.ts";
import { generationRequests } from "./generation-requests.ts";
import { promptTokens } from "./prompt.ts";

interface TextAsk extends Asker {
  readonly engine: Engine;
  readonly texts: readonly string[];
  readonly options: Omit<SamplingFields, "model">;
  /** What the context leaves where it is less. */
  readonly maxTokens: number;
  /** Beside the options' own. */
  readonly likelihoods?: number | undefined;
}

interface TextRun {
  readonly prompts: readonly (readonly number[])[];
  readonly generations: readonly Generation[];
}

/** Errors: those of prompt and engine. */
export function continueTexts({ engine, texts, options, maxTokens, likelihoods, requestId, owner, signal, onRelaxed }: TextAsk): TextRun {
  const prompts = texts.map(t => promptTokens(engine, t));
  const longest = prompts.reduce((m, p) => Math.max(m, p.length), 0);
  const requests = generationRequests({
    isContinuation: true,
    body: { ...options, model: engine.model.id },
    engine,
    prompts,
    maxTokens: Math.min(maxTokens, Math.max(1, engine.room - longest)),
    stop: [],
    likelihoods,
    requestId,
    owner,
    signal,
    ...defined({ onRelaxed }),
  });
  return { prompts, generations: engine.submitAll(requests) };
}
