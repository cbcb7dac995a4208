/** vLLM's report of a chat's tokens: ids of the prompt and of each answer, likelihoods of the prompt, and what usage a stream has so far. */
import type { SamplingFields, TokenFields } from "../../protocols/index.ts";
import type { Engine } from "../engine.ts";
import type { EndEvent, GeneratedToken, GenerationEvent, Usage } from "../generation.ts";
import { wireUsage } from "./answers.ts";
import type { Asker } from "./exchange.ts";
import { promptLogprobs } from "./logprobs.ts";
import { answerTokenIds, promptLikelihoods, stopReasonOf } from "./token-fields.ts";

interface ChatTokensParts {
  readonly body: SamplingFields & TokenFields;
  readonly engine: Engine;
  readonly prompt: readonly number[];
  readonly asker: Asker;
}

export class ChatTokens {
  readonly #parts: ChatTokensParts;
  /** Of each answer, how many tokens have come, and the ids that no chunk has told. */
  readonly #counts = new Map<number, number>();
  readonly #untold = new Map<number, number[]>();

  constructor(parts: ChatTokensParts) {
    this.#parts = parts;
  }

  get #tellsIds(): boolean {
    return this.#parts.body.return_token_ids === true;
  }

  /** Beside the choices of a whole answer. */
  async whole() {
    const { body, engine, prompt, asker } = this.#parts;
    const { prompt_logprobs: top } = body;
    const scored = top == null ? undefined : await promptLikelihoods(engine, [prompt], { top, ...asker });
    return {
      prompt_logprobs: scored ? promptLogprobs(engine.model.tokenizer, scored[0]!) : null,
      prompt_token_ids: this.#tellsIds ? prompt : null,
    };
  }

  /** In a choice of a whole answer. */
  choice(answer: Pick<EndEvent, "stop" | "stopToken" | "unsaid"> & { readonly tokens: readonly GeneratedToken[] }) {
    return { stop_reason: this.#stopReason(answer), token_ids: this.#tellsIds ? answerTokenIds(answer) : null };
  }

  /** In the last chunk of a stream's choice, where something of the request's own ended the answer. */
  ended(event: EndEvent): object {
    const stop_reason = this.#stopReason(event);
    return stop_reason === null ? {} : { stop_reason };
  }

  /** Texts that end turns and calls are the server's own, and not told. */
  #stopReason(answer: Pick<EndEvent, "stop" | "stopToken">): string | number | null {
    const { body, engine } = this.#parts;
    const reason = stopReasonOf(answer, engine);
    const own: readonly unknown[] = Array.isArray(body.stop) ? body.stop : [body.stop];
    return typeof reason === "string" && !own.includes(reason) ? null : reason;
  }

  /** Takes an event of a stream in. */
  push(index: number, event: GenerationEvent): void {
    const count = (this.#counts.get(index) ?? 0) + event.tokens.length;
    this.#counts.set(index, event.kind === "end" ? event.usage.completionTokens : count);
    if (this.#tellsIds) this.#untold.set(index, [...(this.#untold.get(index) ?? []), ...answerTokenIds(event)]);
  }

  /** Beside the choices of a stream's first chunk. */
  get first(): object {
    return this.#tellsIds ? { prompt_token_ids: this.#parts.prompt } : {};
  }

  /** In the choice of a chunk: the ids that have not been told. */
  takeIds(index: number): object {
    const ids = this.#untold.get(index) ?? [];
    if (ids.length === 0) return {};
    this.#untold.delete(index);
    return { token_ids: ids };
  }

  /** Whether each chunk tells the usage so far. */
  get isContinuous(): boolean {
    const options = this.#parts.body.stream_options;
    return options?.include_usage === true && options.continuous_usage_stats === true;
  }

  /** What one answer has used so far. */
  soFar(index: number): Usage {
    return { promptTokens: this.#parts.prompt.length, completionTokens: this.#counts.get(index) ?? 0 };
  }
  /** It in OpenAI's form. */
  usage(index: number) {
    return wireUsage([this.#parts.prompt], [this.soFar(index)]);
  }
}
