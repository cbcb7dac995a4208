/** Generations to answers: all events of one collected, or the events of several in the order they come, with the index of each. */
import type { Generation } from "../engine.ts";
import type { EndEvent, GeneratedToken, GenerationEvent, Usage } from "../generation.ts";

interface WholeAnswer {
  readonly text: string;
  readonly tokens: readonly GeneratedToken[];
  readonly finishReason: EndEvent["finishReason"];
  readonly stop?: string;
  readonly stopToken?: GeneratedToken;
  readonly unsaid?: readonly number[];
  readonly meanLogProbability?: number;
  readonly usage: Usage;
}

/** The `n` likeliest of each `candidates` answers in a row, by their mean log-probability a token (OpenAI's `best_of`). */
export const likeliest = (answers: readonly WholeAnswer[], candidates: number, n: number): WholeAnswer[] =>
  Array.from({ length: answers.length / candidates }, (_, i) => answers.slice(i * candidates, (i + 1) * candidates)).flatMap(those =>
    those.sort((a, b) => b.meanLogProbability! - a.meanLogProbability!).slice(0, n),
  );

async function collect(generation: Generation): Promise<WholeAnswer> {
  let text = "";
  const tokens: GeneratedToken[] = [];
  for await (const event of generation) {
    text += event.text;
    tokens.push(...event.tokens);
    if (event.kind === "end") return { ...event, text, tokens };
  }
  // the queue ends with an end event or throws
  throw new Error("a generation ended without an end event");
}

/** All answers whole; when one fails the others are cancelled. */
export async function collectAll(generations: readonly Generation[]): Promise<WholeAnswer[]> {
  try {
    return await Promise.all(generations.map(collect));
  } catch (error) {
    for (const g of generations) g.cancel();
    throw error;
  }
}

/** Events of several generations as they come. An error of one is thrown, and the others are cancelled. */
export async function* merged(
  generations: readonly Generation[],
): AsyncGenerator<{ index: number; event: GenerationEvent }, void, undefined> {
  const readers = generations.map(g => g[Symbol.asyncIterator]());
  const next = (index: number) => {
    const event = readers[index]!.next().then(result => ({ index, result }));
    // an answer that is cancelled after everybody has left has nobody to tell
    event.catch(() => {});
    return event;
  };
  const pending = new Map(readers.map((_, i) => [i, next(i)]));
  try {
    while (pending.size > 0) {
      const { index, result } = await Promise.race(pending.values());
      if (result.done) {
        pending.delete(index);
        continue;
      }
      pending.set(index, next(index));
      yield { index, event: result.value };
    }
  } finally {
    for (const g of generations) g.cancel();
  }
}

/**
 * Usage of prompts times n answers, in OpenAI's form: every prompt counts once, and so do its tokens that the first of its answers found in
 * the cache. Guesses of a draft model are OpenAI's predictions.
 */
export function wireUsage(prompts: readonly (readonly number[])[], usages: readonly (Usage | undefined)[], reasoningTokens = 0) {
  const completionTokens = usages.reduce((sum, u) => sum + (u?.completionTokens ?? 0), 0);
  const n = usages.length / prompts.length;
  const cachedTokens = usages.reduce((sum, u, i) => sum + (i % n === 0 ? (u?.cachedTokens ?? 0) : 0), 0);
  const sum = (of: "draftedTokens" | "acceptedTokens") => usages.reduce((n, u) => n + (u?.[of] ?? 0), 0);
  const [drafted, accepted] = [sum("draftedTokens"), sum("acceptedTokens")];
  const promptTokens = prompts.reduce((n, p) => n + p.length, 0);
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
    completion_tokens_details: {
      reasoning_tokens: reasoningTokens,
      ...(drafted > 0 ? { accepted_prediction_tokens: accepted, rejected_prediction_tokens: drafted - accepted } : {}),
    },
  };
}
