/**
 * Asks a model what was not answered before, keeps every answer as it comes, and tells how far it is. Which requests are asked together, and in what
 * order, is the model's business.
 */
import type { Progress } from "../base/index.ts";
import { evaluateErrors } from "./errors.ts";
import type { KeptAnswers } from "./models/kept-answers.ts";
import type { Answering, AnswerOf, EvaluatedModel, RequestKind, RequestOf } from "./models/model.ts";
import { checkFinite } from "./results/read-results.ts";
import type { Task } from "./tasks/schema.ts";

interface AskOptions {
  readonly answers: KeptAnswers;
  readonly progress?: Progress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What is asked of a model. */
interface Questions<K extends RequestKind> {
  readonly task: string;
  readonly kind: K;
  readonly requests: readonly RequestOf<K>[];
  /** File and line of a request, for complaints. */
  readonly placeOf: (request: number) => string;
  /** What requests are, in words: items, texts. */
  readonly noun: string;
}

/** The figures of an answer, and what they are. */
const figuresOf: { readonly [K in RequestKind]: (answer: AnswerOf<K>) => readonly [what: string, values: readonly number[]] } = {
  likelihood: ({ choices }) => ["log-likelihood", choices.map(c => c.logLikelihood)],
  rolling: ({ logLikelihood }) => ["log-likelihood", [logLikelihood]],
  classify: ({ probabilities }) => ["probability", Object.values(probabilities)],
  // one figure for all of them: a component has no name
  embed: ({ vector }) => ["vector", [vector.reduce((sum, x) => sum + x, 0)]],
  generate: () => ["text", []],
};
const figures = (kind: RequestKind, answer: AnswerOf<RequestKind>) =>
  (figuresOf[kind] as (a: AnswerOf<RequestKind>) => readonly [string, readonly number[]])(answer);

/** An answer that was kept; one with a figure that is none is asked again. */
function kept<K extends RequestKind>(answers: KeptAnswers, kind: K, request: RequestOf<K>): AnswerOf<K> | undefined {
  const answer = answers.get(kind, request);
  return answer && figures(kind, answer)[1].every(Number.isFinite) ? answer : undefined;
}

/** Errors: evaluate/ability. */
export function abilityOf<K extends RequestKind>(model: EvaluatedModel, kind: K, output: Task["output"]): Answering<K> {
  const ask = model[kind] as Answering<K> | undefined;
  if (ask) return ask;
  throw evaluateErrors.fail("ability", {
    place: model.id,
    expected: `a model that can do ${output} (${kind})`,
    received: `one that does ${(["likelihood", "rolling", "generate", "embed", "classify"] as const).filter(k => model[k]).join(", ") || "nothing"}`,
    hint: "`loam eval --help` lists the outputs of each kind of model.",
  });
}

/**
 * `each` hears of every answer, kept ones first. Gives the number of those. Errors: evaluate/score for an answer that is not a number, evaluate/length for a
 * text that the model has no room for, each with task and item; those of the model; the signal's reason.
 */
export async function askEvaluatedModel<K extends RequestKind>(
  ask: Answering<K>,
  { task, kind, requests, placeOf, noun }: Questions<K>,
  { answers, progress, signal }: AskOptions,
  each: (request: number, answer: AnswerOf<K>) => void,
): Promise<number> {
  const open: number[] = [];
  for (const [i, request] of requests.entries()) {
    const answer = kept(answers, kind, request);
    if (answer) each(i, answer);
    else open.push(i);
  }
  const known = requests.length - open.length;
  const began = performance.now();
  let done = 0;
  const tell = () => {
    const passed = performance.now() - began;
    progress?.({
      stage: "eval",
      done: (known + done) / requests.length,
      message: `${task}: ${known + done} of ${requests.length} ${noun}`,
      ...(done > 0 ? { leftMs: (passed / done) * (open.length - done) } : {}),
    });
  };
  tell();
  if (open.length > 0)
    await ask(
      open.map(i => requests[i]!),
      (k, answer) => {
        const i = open[k]!;
        const [what, values] = figures(kind, answer);
        checkFinite(values, what, `${task}: ${placeOf(i)}`, "The model's weights or its precision give what is not a number.");
        // what is refused is not kept
        each(i, answer);
        answers.put(kind, requests[i]!, answer);
        done++;
        tell();
      },
      signal,
      (k, said) => {
        throw evaluateErrors.fail("length", {
          place: `${task}: ${placeOf(open[k]!)}`,
          expected: "a text that the model has room for, with the answer to it",
          received: said,
          hint: "--context says how much of its context a model of this machine is given; generate.maxTokens, how long its answer may be.",
        });
      },
    );
  return known;
}
