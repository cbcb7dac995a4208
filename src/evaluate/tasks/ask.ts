/**
 * What a task asks of a model about each item: prompts from templates, few-shot examples before them, the choices, and what is right. The texts
 * are put together as lm-evaluation-harness does: description, each example with its answer, the item's own prompt; the answer follows `between`. In a
 * chat the examples may be turns of their own.
 */
import { defined, nearest, random, showValue } from "../../base/index.ts";
import { type TextTemplate, textTemplate } from "../../text/index.ts";
import { type CodeTests, isFunctionName } from "../code/program.ts";
import { evaluateErrors } from "../errors.ts";
import type { EvaluatedChatTurn } from "../models/model.ts";
import { isStereotypeOutput, type StereotypeFacts, stereotypeKinds } from "../stereotype/index.ts";
import type { ItemFields } from "./items.ts";
import { PythonRandom } from "./mersenne.ts";
import type { LoadedTask, TaskItem } from "./read-task.ts";
import type { Task } from "./schema.ts";

export interface TaskQuestion {
  readonly item: TaskItem;
  /** Everything before the answer; of examples that are turns, the item's own prompt. */
  readonly context: string;
  /** Of examples that are turns: what is said before the item's own prompt, the description first. */
  readonly before?: readonly EvaluatedChatTurn[];
  /** The item's own part of it. */
  readonly prompt: string;
  /** What a trained classifier is given instead. */
  readonly text: string;
  /** Of choices and labels: what is shown of each, and what follows the context. */
  readonly choices: readonly string[];
  readonly continuations: readonly string[];
  /** Numbers of the right choices; empty where the output has none. */
  readonly gold: readonly number[];
  /** Texts that are right, of generated answers; the text that is scored, of log-likelihoods. */
  readonly references: readonly string[];
  /** Of programs: how answers are tested. */
  readonly code?: CodeTests;
  /** Of stereotypes: what its measures count by. */
  readonly stereotype?: StereotypeFacts;
  /** Of similarity: the other text, and how alike people say the two are. */
  readonly pair?: { readonly to: string; readonly score: number };
}

const isTemplate = (s: string): boolean => s.includes("{{") || s.includes("{%");

/** A field's value where there is such a field, else the value of the template. */
type Reader = (fields: ItemFields) => unknown;

function readerOf(source: string | number, key: string): Reader {
  if (typeof source === "number") return () => source;
  let template: TextTemplate | undefined;
  return fields => {
    if (Object.hasOwn(fields, source)) return fields[source];
    // a single word that is no field is a misspelt one, not a prompt
    if (!isTemplate(source) && /^[\w.-]+$/.test(source)) {
      const near = nearest(source, Object.keys(fields));
      throw evaluateErrors.fail("task", {
        place: key,
        expected: `a field of the items (${Object.keys(fields).slice(0, 20).join(", ")}) or a template`,
        received: `"${source}"`,
        ...(near ? { hint: `Did you mean "${near}"?` } : {}),
      });
    }
    template ??= textTemplate(source);
    return template.value(fields);
  };
}

const bad = (item: TaskItem, key: string, expected: string, received: unknown) =>
  evaluateErrors.fail("data", { place: `${item.place}: ${key}`, expected, received: showValue(received) });

/** Errors of templates get the item's place. */
function placed<T>(item: TaskItem, key: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const problem = (error as { problem?: { expected?: string; received?: string; message?: string; hint?: string } }).problem;
    if (!problem) throw error;
    const { expected, received, message, hint } = problem;
    throw evaluateErrors.fail("data", { place: `${item.place}: ${key}`, expected, received, message, hint }, error);
  }
}

const textOf = (value: unknown, item: TaskItem, key: string): string => {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  throw bad(item, key, "a text", value);
};

/** A list, also one that a template has written as JSON. */
function listOf(value: unknown, item: TaskItem, key: string): string[] {
  let list = value;
  if (typeof value === "string")
    try {
      list = JSON.parse(value);
    } catch {}
  if (!Array.isArray(list) || list.length < 2) throw bad(item, key, "a list of two texts or more", value);
  return list.map((v, i) => textOf(v, item, `${key}[${i}]`));
}

interface Readers {
  readonly prompt: Reader;
  readonly text: Reader | undefined;
  readonly target: Reader;
  readonly choices: (item: TaskItem) => string[];
  readonly description: Reader;
  readonly tests: Reader | undefined;
  readonly entryPoint: Reader | undefined;
  readonly to: Reader | undefined;
}

function readersOf(task: Task): Readers {
  const { choices, labels } = task;
  const own =
    labels !== undefined
      ? Object.values(labels).map((t, i) => ({ key: `labels.${Object.keys(labels)[i]}`, read: literal(t) }))
      : Array.isArray(choices)
        ? choices.map((t, i) => ({ key: `choices[${i}]`, read: literal(t) }))
        : undefined;
  const list = typeof choices === "string" ? readerOf(choices, "choices") : undefined;
  return {
    prompt: task.prompt === undefined ? () => "" : readerOf(task.prompt, "prompt"),
    text: task.text === undefined ? undefined : readerOf(task.text, "text"),
    target: task.target === undefined ? () => undefined : readerOf(task.target, "target"),
    description: literal(task.description),
    tests: task.code && readerOf(task.code.tests, "code.tests"),
    entryPoint: task.code?.entryPoint === undefined ? undefined : readerOf(task.code.entryPoint, "code.entryPoint"),
    to: task.similarity && readerOf(task.similarity.to, "similarity.to"),
    choices: item => {
      if (list)
        return listOf(
          placed(item, "choices", () => list(item.fields)),
          item,
          "choices",
        );
      return (own ?? []).map(({ key, read }) =>
        textOf(
          placed(item, key, () => read(item.fields)),
          item,
          key,
        ),
      );
    },
  };
}

/** A text that is a template only where it looks like one: never a field's name. */
function literal(source: string): Reader {
  if (!isTemplate(source)) return () => source;
  const template = textTemplate(source);
  return fields => template.render(fields);
}

/** What is right, as numbers of choices. A number, a text of digits that is no choice, the text of a choice or a label, or a list of these. */
function goldOf(value: unknown, shown: readonly string[], item: TaskItem): number[] {
  if (Array.isArray(value) && value.length > 0) return value.flatMap(v => goldOf(v, shown, item));
  const text = typeof value === "boolean" ? String(value) : value;
  const named = typeof text === "string" ? shown.indexOf(text) : -1;
  const counted = typeof text === "number" ? text : typeof text === "string" && /^\d+$/.test(text) ? Number(text) : -1;
  const at = named >= 0 ? named : counted;
  if (Number.isInteger(at) && at >= 0 && at < shown.length) return [at];
  const near = typeof text === "string" ? nearest(text, shown) : undefined;
  throw evaluateErrors.fail("data", {
    place: `${item.place}: target`,
    expected: `one of ${shown
      .slice(0, 20)
      .map(s => JSON.stringify(s))
      .join(", ")}, or a number from 0 to ${shown.length - 1}`,
    received: showValue(value),
    ...(near !== undefined ? { hint: near === text ? "" : `Did you mean ${JSON.stringify(near)}? Case and spaces count.` } : {}),
  });
}

/** How an item's answers are tested. */
function codeOf({ tests, entryPoint }: Readers, item: TaskItem): CodeTests {
  const read = (reader: Reader, key: string) =>
    textOf(
      placed(item, key, () => reader(item.fields)),
      item,
      key,
    );
  const name = entryPoint && read(entryPoint, "code.entryPoint");
  if (name !== undefined && !isFunctionName(name)) throw bad(item, "code.entryPoint", "the name of a function", name);
  return { tests: read(tests!, "code.tests"), entryPoint: name };
}

/** The other text of a pair, and people's score of both. */
function pairOf(to: Reader, target: unknown, item: TaskItem): { readonly to: string; readonly score: number } {
  const other = textOf(
    placed(item, "similarity.to", () => to(item.fields)),
    item,
    "similarity.to",
  );
  const score = typeof target === "string" && target.trim() !== "" ? Number(target) : target;
  if (typeof score !== "number" || !Number.isFinite(score)) throw bad(item, "target", "a number, how alike the texts are", target);
  return { to: other, score };
}

type Part = Omit<TaskQuestion, "context"> & { readonly answer: string };

/** Of stereotypes: the item's own form says what is compared; a prompt of the task's stands in for the form's. */
function stereotypePart(task: Task, output: Task["output"] & keyof typeof stereotypeKinds, readers: Readers, item: TaskItem): Part {
  const { context, choices, texts, gold = [], facts } = stereotypeKinds[output].read(item);
  const prompt =
    task.prompt === undefined
      ? context
      : textOf(
          placed(item, "prompt", () => readers.prompt(item.fields)),
          item,
          "prompt",
        );
  const between = prompt === "" ? "" : task.between;
  const answer = gold[0] === undefined ? "" : texts[gold[0]]!;
  return {
    item,
    prompt,
    text: prompt,
    choices,
    continuations: texts.map(t => between + t),
    gold,
    references: [],
    answer,
    stereotype: facts,
  };
}

/** One item with its own part of the prompt; examples are put before it later. */
function part(task: Task, readers: Readers, item: TaskItem): Part {
  if (task.output === "weat") {
    const [prompt, type] = [String(item.fields.text), String(item.fields.test)];
    return { item, prompt, text: prompt, choices: [], continuations: [], gold: [], references: [], answer: "", stereotype: { type } };
  }
  if (isStereotypeOutput(task.output)) return stereotypePart(task, task.output, readers, item);
  const prompt = textOf(
    placed(item, "prompt", () => readers.prompt(item.fields)),
    item,
    "prompt",
  );
  const { text: own } = readers;
  const text = own
    ? textOf(
        placed(item, "text", () => own(item.fields)),
        item,
        "text",
      )
    : prompt;
  const choices = readers.choices(item);
  const target = placed(item, "target", () => readers.target(item.fields));
  if (task.output === "retrieval" || task.output === "similarity") {
    if (prompt.trim() === "") throw bad(item, "prompt", "a text that is not empty", prompt);
    const pair = readers.to && pairOf(readers.to, target, item);
    if (pair?.to.trim() === "") throw bad(item, "similarity.to", "a text that is not empty", pair.to);
    return { item, prompt, text, choices, continuations: [], gold: [], references: [], answer: "", ...defined({ pair }) };
  }
  const hasChoices = choices.length > 0;
  if (hasChoices) {
    const gold = goldOf(target, task.labels ? Object.keys(task.labels) : choices, item);
    const shown = task.labels ? Object.keys(task.labels) : choices;
    return {
      item,
      prompt,
      text,
      choices: shown,
      continuations: choices.map(c => task.between + c),
      gold,
      references: [],
      answer: choices[gold[0]!]!,
    };
  }
  if (task.output === "code") {
    const code = codeOf(readers, item);
    const answer = target === undefined ? "" : textOf(target, item, "target");
    return { item, prompt, text, choices, continuations: [], gold: [], references: [answer], answer, code };
  }
  const references = (Array.isArray(target) ? target : [target]).map(t => textOf(t, item, "target"));
  if (references.length === 0) throw bad(item, "target", "a text or more", target);
  const answer = references[0]!;
  if (task.output === "loglikelihood_rolling" || task.output === "loglikelihood") {
    if (answer === "") throw bad(item, "target", "a text to score", answer);
  }
  return {
    item,
    prompt,
    text,
    choices,
    continuations: task.output === "loglikelihood" ? [task.between + answer] : [],
    gold: [],
    references,
    answer,
  };
}

/** Numbers of the examples of each item in turn. */
function drawer({ task, examples }: LoadedTask): (item: TaskItem) => readonly TaskItem[] {
  const { fewShot } = task;
  if (!fewShot || fewShot.count === 0) return () => [];
  const { count, sampler, seed, spare } = fewShot;
  const isOwn = (fewShot.from ?? task.split) === task.split;
  const few = (list: readonly TaskItem[]): readonly TaskItem[] => {
    if (list.length >= count) return list.slice(0, count);
    throw evaluateErrors.fail("task", {
      place: "fewShot.count",
      expected: `at most ${list.length}, as many as there are beside the item itself`,
      received: String(count),
    });
  };
  if (sampler === "first") return item => few(isOwn ? examples.slice(0, count + 1).filter(e => e.id !== item.id) : examples);
  if (sampler === "harness") {
    const draw = new PythonRandom(Number(seed));
    return item => {
      few(examples);
      const drawn = draw.sample(examples.length, Math.min(examples.length, count + Number(spare))).map(i => examples[i]!);
      return few(spare ? drawn.filter(e => e.id !== item.id) : drawn);
    };
  }
  return item => {
    const draw = random(`${seed} ${item.id}`);
    const pool = isOwn ? examples.filter(e => e.id !== item.id) : [...examples];
    few(pool);
    for (let i = 0; i < count; i++) {
      const j = i + draw.below(pool.length - i);
      [pool[i], pool[j]] = [pool[j]!, pool[i]!];
    }
    return few(pool);
  };
}

interface Example {
  readonly prompt: string;
  readonly answer: string;
}

const turn = (role: EvaluatedChatTurn["role"], content: string): EvaluatedChatTurn => ({ role, content });
const turnsOf = ({ prompt, answer }: Example): EvaluatedChatTurn[] => [turn("user", prompt), turn("assistant", answer)];

/** Two texts, the separator between them where neither has a blank there: how lm-evaluation-harness puts a description after what the system says. */
function joined(a: string, b: string, separator: string): string {
  if (a === "" || b === "") return a + b;
  return /\s$/.test(a) || /^\s/.test(b) ? a + b : a + separator + b;
}

/**
 * What is asked about each item. `change` makes a variant of one, or none, which leaves it out; its examples stay as they are, whoever else is left out. Errors:
 * evaluate/data with file and line, evaluate/task.
 */
export function taskQuestions(loaded: LoadedTask, change: (item: TaskItem) => TaskItem | undefined = i => i): TaskQuestion[] {
  const { task, items } = loaded;
  const readers = readersOf(task);
  const examplesOf = drawer(loaded);
  const shown = new Map<string, Example>();
  const example = (item: TaskItem): Example => {
    const known = shown.get(item.id);
    if (known !== undefined) return known;
    const { prompt, answer } = part(task, readers, item);
    shown.set(item.id, { prompt, answer });
    return { prompt, answer };
  };
  const { fewShot } = task;
  return items.flatMap((original): TaskQuestion | [] => {
    // drawn for those that are left out too: draws of the harness go on from item to item
    const examples = examplesOf(original).map(example);
    const item = change(original);
    if (!item) return [];
    const { answer: _, ...own } = part(task, readers, item);
    const description = placed(item, "description", () => String(readers.description(item.fields)));
    if (fewShot?.multiturn) {
      const system = joined(task.system ?? "", description, fewShot.separator);
      return { ...own, context: own.prompt, before: [...(system === "" ? [] : [turn("system", system)]), ...examples.flatMap(turnsOf)] };
    }
    const before = examples.map(({ prompt, answer }) => prompt + (fewShot!.between ?? task.between) + answer + fewShot!.separator).join("");
    return { ...own, context: description + before + own.prompt };
  });
}

/** Reads a field or template of an item as a text; of a list, its first one. Errors: evaluate/data with file and line, evaluate/task. */
export function itemTextReader(source: string | number, key: string): (item: TaskItem) => string {
  const read = readerOf(source, key);
  return item => {
    const value = placed(item, key, () => read(item.fields));
    return textOf(Array.isArray(value) ? value[0] : value, item, key);
  };
}

/** What a judge is told of each item beside the answers. Errors: evaluate/data, evaluate/task. */
export function questionsOf({ task, items }: LoadedTask): { readonly question: string; readonly reference: string | undefined }[] {
  const question = readerOf(task.judge?.question ?? task.prompt ?? "", "judge.question");
  const reference = task.judge?.reference === undefined ? undefined : readerOf(task.judge.reference, "judge.reference");
  const read = (item: TaskItem, reader: Reader, key: string) =>
    textOf(
      placed(item, key, () => reader(item.fields)),
      item,
      key,
    );
  return items.map(item => ({
    question: read(item, question, "judge.question"),
    reference: reference && read(item, reference, "judge.reference"),
  }));
}
