/**
 * Asks a model about every item of a task and gives what came of each. Which items are asked together, and in what order, is the model's business;
 * what was asked before is not asked again. Knows no files and no record.
 */
import { defined, type Progress } from "../base/index.ts";
import { type AboutItem, aboutItems, roundedMs } from "./about-item.ts";
import { abilityOf, askEvaluatedModel } from "./ask-model.ts";
import { baselineAnswers } from "./baselines/answers/answer-baselines.ts";
import { programOf } from "./code/program.ts";
import { openSandbox, type ProgramVerdict } from "./code/sandbox.ts";
import { evaluateEmbedding } from "./embedding/evaluate-embedding.ts";
import { evaluateErrors } from "./errors.ts";
import type { KeptAnswers } from "./models/kept-answers.ts";
import type { AnswerOf, EvaluatedChatTurn, EvaluatedModel, RequestKind, RequestOf } from "./models/model.ts";
import { chosen, indexOfGreatest } from "./results/chosen.ts";
import type { ItemResult } from "./results/item.ts";
import { answerReader, voted } from "./results/read-answer.ts";
import { isStereotypeOutput, stereotypeKinds } from "./stereotype/index.ts";
import { type TaskQuestion, taskQuestions } from "./tasks/ask.ts";
import type { LoadedTask, TaskItem } from "./tasks/read-task.ts";
import type { OutputType, Task } from "./tasks/schema.ts";

export interface EvaluateTaskOptions {
  readonly loaded: LoadedTask;
  readonly model: EvaluatedModel;
  readonly answers: KeptAnswers;
  /** A variant of each item, or none, which leaves it out; examples stay as they are. */
  readonly change?: (item: TaskItem) => TaskItem | undefined;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

export interface Evaluated {
  readonly items: readonly ItemResult[];
  /** Answers that were kept from before: items, or texts whose vectors are. */
  readonly known: number;
  readonly ms: number;
}

const kinds: { readonly [O in OutputType]: RequestKind } = {
  multiple_choice: "likelihood",
  classify: "likelihood",
  loglikelihood: "likelihood",
  loglikelihood_rolling: "rolling",
  generate_until: "generate",
  code: "generate",
  retrieval: "embed",
  similarity: "embed",
  stereoset: "likelihood",
  crows_pairs: "likelihood",
  winobias: "likelihood",
  bbq: "likelihood",
  weat: "embed",
};

/** A model that classifies by itself is asked for its labels. */
const kindOf = (task: Task, model: EvaluatedModel): RequestKind =>
  task.output === "classify" && model.classify && !model.likelihood ? "classify" : kinds[task.output];

/** The group of an item, by which a classifier with thresholds by group decides; undefined for an item without one. */
function groupOf(attribute: string, { fields }: TaskItem): string | undefined {
  const value = fields[attribute];
  const isGroup = typeof value === "string" || typeof value === "number" || typeof value === "boolean";
  return isGroup && value !== "" ? String(value) : undefined;
}

/** The groups of items by their numbers, as the items are without a variant: other words are of the same group. */
function groupsOfItems({ groupAttribute }: EvaluatedModel, { items }: LoadedTask): ReadonlyMap<number, string> {
  if (groupAttribute === undefined) return new Map();
  const groups = items.map(item => [item.number, groupOf(groupAttribute, item)] as const);
  return new Map(groups.filter((g): g is readonly [number, string] => g[1] !== undefined));
}

const messagesOf = (task: Task, { context, before }: TaskQuestion): EvaluatedChatTurn[] => [
  ...(before ?? (task.system === undefined ? [] : [{ role: "system" as const, content: task.system }])),
  { role: "user" as const, content: context },
];

function requestOf(
  task: Task,
  kind: RequestKind,
  a: TaskQuestion,
  model: EvaluatedModel,
  groups: ReadonlyMap<number, string>,
): RequestOf<RequestKind> {
  if (kind === "rolling") return { text: a.references[0]! };
  if (kind === "classify") return { text: a.text, ...defined({ group: groups.get(a.item.number) }) };
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
  const isCounted = isStereotypeOutput(task.output) && stereotypeKinds[task.output].isPerToken;
  if (kind === "likelihood") return { context: a.context, continuations: a.continuations, ...(isCounted ? { countsTokens: true } : {}) };
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

const bytesOf = (text: string): number => Buffer.byteLength(text);
/** As Python's `re.split(r"\s+", text)` counts. */
const wordsOf = (text: string): number => text.split(/\s+/).length;

type Result = Omit<ItemResult, keyof AboutItem | "ms">;
type ToldLabels = Pick<AnswerOf<"classify">, "told" | "common">;

function choiceResult(
  task: Task,
  a: TaskQuestion,
  logLikelihoods: readonly number[],
  greedy: readonly boolean[],
  own: ToldLabels = {},
): Result {
  const placeOf = (label: string | undefined) => (label === undefined ? -1 : a.choices.indexOf(label));
  const [told, commonTold] = [placeOf(own.told), placeOf(own.common)];
  const plain = a.continuations.map(c => c.slice(task.between.length));
  const base = {
    choices: a.choices,
    gold: a.gold,
    logLikelihoods,
    ...(told < 0 ? {} : { told }),
    ...(commonTold < 0 ? {} : { commonTold }),
    bytes: plain.map(bytesOf),
    letters: plain.map(c => [...c].length),
    isGreedy: a.gold.some(g => greedy[g] ?? false),
    right: a.gold.map(g => a.choices[g]!).join(" | "),
  };
  return { ...base, came: a.choices[chosen(base)]! };
}

/** Of texts that are compared: the scores of each, and which is likelier. Errors: evaluate/ability where tokens are not counted and must be. */
function comparedResult(task: Task, a: TaskQuestion, choices: AnswerOf<"likelihood">["choices"], model: string): Result {
  const isPerToken = isStereotypeOutput(task.output) && stereotypeKinds[task.output].isPerToken;
  const scores = choices.map(({ logLikelihood, tokens = 0 }) => {
    if (isPerToken && tokens === 0)
      throw evaluateErrors.fail("ability", {
        place: model,
        expected: `token counts, since ${task.output} compares means per token`,
        received: "none",
      });
    return isPerToken ? logLikelihood / tokens : logLikelihood;
  });
  const base = { choices: a.choices, logLikelihoods: scores, stereotype: a.stereotype!, right: "", came: "" };
  if (a.gold.length > 0) return { ...choiceResult(task, a, scores, []), stereotype: a.stereotype! };
  const at = indexOfGreatest(scores);
  return { ...base, came: `${a.choices[at]}: ${a.continuations[at]!.trim()}` };
}

function resultOf(
  task: Task,
  kind: RequestKind,
  a: TaskQuestion,
  answer: AnswerOf<RequestKind>,
  read: (text: string) => string,
  model: string,
): Result {
  if (kind === "classify") {
    const { probabilities, told, common } = answer as AnswerOf<"classify">;
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
      defined({ told, common }),
    );
  }
  if (kind === "rolling") {
    const text = a.references[0]!;
    const { logLikelihood } = answer as AnswerOf<"rolling">;
    const textBytes = bytesOf(text);
    const came = `${(-logLikelihood / Math.LN2 / textBytes).toFixed(4)} bits per byte`;
    return { right: "", came, logLikelihood, words: wordsOf(text), textBytes };
  }
  if (kind === "generate") {
    const all = (answer as AnswerOf<"generate">).texts.map(read);
    const vote = task.generate?.vote;
    const texts = vote === undefined ? all : [voted(all, vote)];
    return { right: a.references[0]!, came: texts[0]!, texts, references: a.references };
  }
  const { choices } = answer as AnswerOf<"likelihood">;
  if (isStereotypeOutput(task.output)) return comparedResult(task, a, choices, model);
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

/** Runs the programs of all answers, and adds what came of them. */
async function tested(
  task: Task,
  asked: readonly TaskQuestion[],
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
      const verdicts: ProgramVerdict[] = await Promise.all(
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
export async function evaluateTask(o: EvaluateTaskOptions): Promise<Evaluated> {
  const { loaded, model, answers, change, progress, signal } = o;
  const { task } = loaded;
  const kind = kindOf(task, model);
  const ask = abilityOf(model, kind, task.output);
  if (kind === "embed") return evaluateEmbedding(o);
  // one that cannot be told is known before hours of asking
  baselineAnswers(loaded);
  const read = answerReader(task.generate?.read ?? [], task.task);
  const asked = taskQuestions(loaded, change);
  const about = aboutItems(loaded, asked, kind === "classify");
  const groups = groupsOfItems(model, loaded);
  const got: AnswerOf<RequestKind>[] = [];
  const began = performance.now();
  const known = await askEvaluatedModel(
    ask,
    {
      task: task.task,
      kind,
      requests: asked.map(a => requestOf(task, kind, a, model, groups)),
      placeOf: i => asked[i]!.item.place,
      noun: "items",
    },
    { answers, progress, signal },
    (i, answer) => {
      got[i] = answer;
    },
  );
  const items = asked.map(
    (a, i): ItemResult => ({ ...about[i]!, ms: roundedMs(got[i]!.ms), ...resultOf(task, kind, a, got[i]!, read, model.id) }),
  );
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
