/** One question to the served application, in this process: a request of OpenAI's API, its event stream read to the end. */
import { defined, type LoamError } from "../../base/index.ts";
import { readEvents } from "../../protocols/index.ts";
import type { App } from "../../serve/index.ts";
import { projectErrors } from "../errors.ts";

export interface Turn {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

export interface ChatQuestion {
  readonly model: string;
  readonly sampling: { readonly temperature: number; readonly top_p: number; readonly max_tokens: number; readonly seed: number };
  /** A text to complete, or turns to answer. */
  readonly prompt: string | readonly Turn[];
}

export interface Reply {
  readonly text: string;
  readonly finishReason: string;
  /** The turns that fitted the model's context, the question last; the oldest are left out first, but for the system prompt. */
  readonly turns: readonly Turn[];
}

interface Chunk {
  readonly choices?: readonly {
    readonly text?: string;
    readonly delta?: { readonly content?: string };
    readonly finish_reason?: string | null;
  }[];
  readonly error?: { readonly message: string; readonly code?: string };
}

const failed = (message: string): LoamError => projectErrors.fail("answer", { place: "loam chat", message });

async function post(
  app: App,
  { model, sampling, prompt }: ChatQuestion,
  signal: AbortSignal,
  maxTokens: number | undefined,
): Promise<Response> {
  const isChat = typeof prompt !== "string";
  const { max_tokens: _, ...rest } = sampling;
  return app.fetch(
    new Request(`http://127.0.0.1/v1/${isChat ? "chat/completions" : "completions"}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        model,
        ...rest,
        ...defined({ max_tokens: maxTokens }),
        stream: true,
        ...(isChat ? { messages: prompt } : { prompt }),
      }),
      signal,
    }),
  );
}

const spoken = (turns: readonly Turn[]): Turn[] => turns.filter(t => t.role !== "system");

/** Without the oldest question and its answer; the system prompt stays. */
function withoutOldest(turns: readonly Turn[]): Turn[] {
  const rest = spoken(turns);
  return [...turns.filter(t => t.role === "system"), ...rest.slice(rest.length > 2 ? 2 : 1)];
}

/** Asks and reads the answer. Errors: project/answer; the signal's reason where it aborts. */
export async function reply(
  app: App,
  ask: ChatQuestion,
  o: { readonly signal: AbortSignal; readonly onText: (text: string) => void },
): Promise<Reply> {
  let { prompt } = ask;
  let maxTokens: number | undefined = ask.sampling.max_tokens;
  for (;;) {
    const response = await post(app, { ...ask, prompt }, o.signal, maxTokens);
    if (response.ok && response.body) {
      let text = "";
      let finishReason = "stop";
      for await (const data of readEvents(response.body)) {
        const { choices, error } = JSON.parse(data) as Chunk;
        o.signal.throwIfAborted();
        if (error) throw failed(error.message);
        for (const c of choices ?? []) {
          const piece = c.text ?? c.delta?.content ?? "";
          text += piece;
          if (piece) o.onText(piece);
          finishReason = c.finish_reason ?? finishReason;
        }
      }
      return { text, finishReason, turns: typeof prompt === "string" ? [] : prompt };
    }
    const { error } = (await response.json()) as { error: { message: string; code?: string | null } };
    if (error.code !== "context_length_exceeded") throw failed(error.message);
    // first the whole rest of the context instead of a fixed length, then fewer turns
    if (maxTokens !== undefined) maxTokens = undefined;
    else if (typeof prompt !== "string" && spoken(prompt).length > 1) prompt = withoutOldest(prompt);
    else throw failed(error.message);
  }
}
