/**
 * Asks a model about every item of a task and gives what came of each. Which items are asked together, and in what order, is the model's business;
 * what was asked before is not asked again. Knows no files and no record.
 */
import type { Progress } from "../base/index.ts";
import { baselineAnswers } from "./baselines/answers/answer-baselines.ts";
import { programOf } from "./code/program.ts";
import { openSandbox, type Verdict } from "./code/sandbox.ts";
import { evaluateErrors } from "./errors.ts";
import type { KeptAnswers } from "./models/kept-answers.ts";
import type { Answering, AnswerOf, ChatTurn, EvaluatedModel, RequestKind, RequestOf } from "./models/model.ts";
import type { ItemResult } from "./results/item.ts";
import { chosen } from "./results/measures.ts";
import { readerOf, voted } from "./results/read-answer.ts";
import { checkFinite } from "./results/read-results.ts";
import { type Asked, askOf } from "./tasks/ask.ts";
import type { LoadedTask, TaskItem } from "./tasks/read-task.ts";
import type { OutputType, SliceRule, Task } from "./tasks/schema.ts";

export interface EvaluateOptions {
  readonly loaded: LoadedTask;
  readonly model: EvaluatedModel;
  readonly answers: KeptAnswers;
  /** A variant of each item; examples stay as they are. */
  readonly change?: (item: TaskItem) => TaskItem;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

export interface Evaluated {
  readonly items: readonly ItemResult[];
  /** Items that were answered before. */
  readonly known: number;
  readonly ms: number;
}

/** Characters of a prompt that are kept: its end, where the question is. */
const shownPrompt = 1200;

const kinds: { readonly [O in OutputType]: RequestKind } = {
  multiple_choice: "likelihood",
  classify: "likelihood",
  loglikelihood: "likelihood",
  loglikelihood_rolling: "rolling",
  generate_until: "generate",
  code: "generate",
};

/** A model that classifies by itself is asked for its labels. */
const kindOf = (task: Task, model: EvaluatedModel): RequestKind =>
  task.output === "classify" && model.classify && !model.likelihood ? "classify" : kinds[task.output];

const messagesOf = (task: Task, { context, before }: Asked): ChatTurn[] => [
  ...(before ?? (task.system === undefined ? [] : [{ role: "system" as const, content: task.system }])),
  { role: "user" as const, content: context },
];

function requestOf(task: Task, kind: RequestKind, a: Asked, model: EvaluatedModel): RequestOf<RequestKind> {
  if (kind === "rolling") return { text: a.references[0]! };
  if (kind === "classify") return { text: a.text };
  if (kind === "likelihood" && task.chat) {
    if (!model.chat)
      throw evaluateErrors.fail("ability", {
        place: model.id,
        expected: "a chat template of the model's own, for `chat: true`",
        received: "none",
        hint: "Leave `chat` out: the prompt is then given as it is.",
      });
    // an answer begins a turn: nothing stands before it
    return {
      context: model.chat(messagesOf(task, a)),
      continuations: a.continuations.map(c => c.slice(task.between.length)),
      hasSpecials: true,
    };
  }
  if (kind === "likelihood") return { context: a.context, continuations: a.continuations };
  const g = task.generate ?? { stop: [], maxTokens: 256, temperature: 0, seed: 1, samples: 1 };
  return {
    prompt: task.chat ? "" : a.context,
    ...(task.chat ? { messages: messagesOf(task, a) } : {}),
    stop: g.stop,
    maxTokens: g.maxTokens,
    temperature: g.temperature,
    seed: g.seed,
    samples: g.samples,
  };
}

/** The attributes that slices are made of: `length` of a text under its field's name. */
export const sliceName = (rule: SliceRule): { readonly by: string; readonly parts: number } =>
  typeof rule === "string" ? { by: rule, parts: 3 } : { by: `length of ${rule.length}`, parts: rule.parts };

function attributesOf(task: Task, a: Asked): Record<string, string | number> {
  const out: Record<string, string | number> = {};
  for (const rule of task.slices) {
    const { by } = sliceName(rule);
    const field = typeof rule === "string" ? rule : rule.length;
    const value = field === "prompt" && typeof rule !== "string" ? a.prompt : a.item.fields[field];
    if (value === undefined)
      throw evaluateErrors.fail("data", {
        place: `${a.item.place}: slices`,
        expected: `one of ${Object.keys(a.item.fields).slice(0, 20).join(", ")}`,
        received: `"${field}"`,
      });
    if (typeof rule !== "string") out[by] = String(value).length;
    else out[by] = typeof value === "number" ? value : typeof value === "string" ? value : JSON.stringify(value);
  }
  return out;
}

const bytesOf = (text: string): number => Buffer.byteLength(text);
/** As Python's `re.split(r"\s+", text)` counts. */
const wordsOf = (text: string): number => text.split(/\s+/).length;

type Result = Omit<ItemResult, "id" | "place" | "prompt" | "attributes" | "cluster" | "ms">;

function choiceResult(task: Task, a: Asked, logLikelihoods: readonly number[], greedy: readonly boolean[]): Result {
  const plain = a.continuations.map(c => c.slice(task.between.length));
  const base = {
    choices: a.choices,
    gold: a.gold,
    logLikelihoods,
    bytes: plain.map(bytesOf),
    letters: plain.map(c => [...c].length),
    isGreedy: a.gold.some(g => greedy[g] ?? false),
    right: a.gold.map(g => a.choices[g]!).join(" | "),
  };
  return { ...base, came: a.choices[chosen(base as unknown as ItemResult)]! };
}

function resultOf(task: Task, kind: RequestKind, a: Asked, answer: AnswerOf<RequestKind>, read: (text: string) => string): Result {
  if (kind === "classify") {
    const { probabilities } = answer as AnswerOf<"classify">;
    const missing = a.choices.find(c => probabilities[c] === undefined);
    if (missing !== undefined)
      throw evaluateErrors.fail("ability", {
        place: `${task.task}: labels`,
        expected: `labels of the classifier (${Object.keys(probabilities).join(", ")})`,
        received: `"${missing}"`,
      });
    return choiceResult(
      task,
      a,
      a.choices.map(c => Math.log(Math.max(1e-300, probabilities[c]!))),
      [],
    );
  }
  if (kind === "rolling") {
    const text = a.references[0]!;
    const { logLikelihood } = answer as AnswerOf<"rolling">;
    return { right: "", came: "", logLikelihood, words: wordsOf(text), textBytes: bytesOf(text) };
  }
  if (kind === "generate") {
    const all = (answer as AnswerOf<"generate">).texts.map(read);
    const vote = task.generate?.vote;
    const texts = vote === undefined ? all : [voted(all, vote)];
    return { right: a.references[0]!, came: texts[0]!, texts, references: a.references };
  }
  const { choices } = answer as AnswerOf<"likelihood">;
  if (task.output === "loglikelihood") {
    const { logLikelihood, isGreedy } = choices[0]!;
    return { right: a.references[0]!, came: isGreedy ? a.references[0]! : "(another)", logLikelihood, isGreedy };
  }
  return choiceResult(
    task,
    a,
    choices.map(c => c.logLikelihood),
    choices.map(c => c.isGreedy),
  );
}

/** The figures of an answer, and what they are. */
const figuresOf: { readonly [K in RequestKind]: (answer: AnswerOf<K>) => readonly [what: string, values: readonly number[]] } = {
  likelihood: ({ choices }) => ["log-likelihood", choices.map(c => c.logLikelihood)],
  rolling: ({ logLikelihood }) => ["log-likelihood", [logLikelihood]],
  classify: ({ probabilities }) => ["probability", Object.values(probabilities)],
  embed: ({ vector }) => ["vector", vector],
  generate: () => ["text", []],
};
const figures = (kind: RequestKind, answer: AnswerOf<RequestKind>) =>
  (figuresOf[kind] as (a: AnswerOf<RequestKind>) => readonly [string, readonly number[]])(answer);

/** An answer that was kept; one with a figure that is none is asked again. */
function kept(answers: KeptAnswers, kind: RequestKind, request: RequestOf<RequestKind>): AnswerOf<RequestKind> | undefined {
  const answer = answers.get(kind, request);
  return answer && figures(kind, answer)[1].every(Number.isFinite) ? answer : undefined;
}

/** Runs the programs of all answers, and adds what came of them. */
async function tested(
  task: Task,
  asked: readonly Asked[],
  items: readonly ItemResult[],
  tell: (done: number) => void,
  signal: AbortSignal | undefined,
): Promise<ItemResult[]> {
  const { timeMs, memoryMb, continues = !task.chat } = task.code!;
  const limits = { timeMs, memoryBytes: memoryMb * 2 ** 20 };
  using sandbox = openSandbox();
  let done = 0;
  // awaited here: the sandbox goes with this function
  return await Promise.all(
    items.map(async (item, i): Promise<ItemResult> => {
      const before = continues ? asked[i]!.prompt : "";
      const verdicts: Verdict[] = await Promise.all(
        item.texts!.map(answer => sandbox.run(programOf(before, answer, asked[i]!.code!), limits, signal)),
      );
      tell(++done);
      const passed = verdicts.map(v => v.passed);
      const failures = verdicts.map(v => (v.passed ? "" : `${v.failure}: ${v.message}`));
      const first = failures.find(Boolean);
      const came = `${passed.filter(Boolean).length} of ${passed.length} pass${first === undefined ? "" : `; ${first}`}`;
      return { ...item, right: "its tests pass", came, passed, failures };
    }),
  );
}

/** Errors: evaluate/ability where the model cannot do it; evaluate/data, evaluate/task of the items; evaluate/score for an answer that is not a number; those of the model; the signal's reason. */
export async function evaluateTask({ loaded, model, answers, change, progress, signal }: EvaluateOptions): Promise<Evaluated> {
  const { task } = loaded;
  const kind = kindOf(task, model);
  const ask = model[kind] as Answering<RequestKind> | undefined;
  if (!ask)
    throw evaluateErrors.fail("ability", {
      place: model.id,
      expected: `a model that can do ${task.output} (${kind})`,
      received: `one that does ${(["likelihood", "rolling", "generate", "embed", "classify"] as const).filter(k => model[k]).join(", ") || "nothing"}`,
    });
  // one that cannot be told is known before hours of asking
  baselineAnswers(loaded);
  const read = readerOf(task.generate?.read ?? [], task.task);
  const asked = askOf(loaded, change);
  const attributes = asked.map(a => attributesOf(task, a));
  const requests = asked.map(a => requestOf(task, kind, a, model));
  const got: (AnswerOf<RequestKind> | undefined)[] = requests.map(r => kept(answers, kind, r));
  const open = requests.flatMap((_, i) => (got[i] ? [] : [i]));
  const known = requests.length - open.length;
  const began = performance.now();
  let done = 0;
  const tell = () => {
    const passed = performance.now() - began;
    progress?.({
      stage: "eval",
      done: (known + done) / requests.length,
      message: `${task.task}: ${known + done} of ${requests.length} items`,
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
        checkFinite(
          values,
          what,
          `${task.task}: ${asked[i]!.item.place}`,
          "The model's weights or its precision give what is not a number.",
        );
        got[i] = answer;
        answers.put(kind, requests[i]!, answer);
        done++;
        tell();
      },
      signal,
    );
  const items: ItemResult[] = [];
  for (const [i, a] of asked.entries()) {
    const answer = got[i]!;
    const result = resultOf(task, kind, a, answer, read);
    const cluster = task.cluster === undefined ? undefined : a.item.fields[task.cluster];
    items.push({
      id: a.item.id,
      place: a.item.place,
      prompt: a.prompt.slice(-shownPrompt),
      ms: Math.round(answer.ms * 1000) / 1000,
      attributes: attributes[i]!,
      ...(cluster === undefined || cluster === null ? {} : { cluster: String(cluster) }),
      ...result,
    });
  }
  const all =
    task.output === "code"
      ? await tested(
          task,
          asked,
          items,
          count => progress?.({ stage: "eval", done: count / items.length, message: `${task.task}: programs of ${count} items run` }),
          signal,
        )
      : items;
  return { items: all, known, ms: performance.now() - began };
}
