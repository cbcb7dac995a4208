/**
 * A task's items in other words: wordings that come with the items, or that a model writes at temperature 0, one field of each item. What does not pass its
 * checks is left out and counted, so the same items are asked both ways; whether a wording means the same is not checked.
 */
import { hashOf, nearest, type Progress, showValue } from "../../base/index.ts";
import { evaluateErrors } from "../errors.ts";
import type { KeptAnswers } from "../models/kept-answers.ts";
import type { AnswerOf, EvaluatedModel, RequestOf } from "../models/model.ts";
import { type TaskQuestion, taskQuestions } from "../tasks/ask.ts";
import { fieldsRead } from "../tasks/fields-read.ts";
import { type ParaphraseRule, paraphraseRule } from "../tasks/paraphrase-rule.ts";
import type { LoadedTask, TaskItem } from "../tasks/read-task.ts";
import { type WordingFault, wordingFault, wordingFaults } from "./wording-fault.ts";

/** An item's text, and the other wording that it has; a fault where it was left out. */
export interface Wording {
  readonly item: TaskItem;
  readonly before: string;
  readonly after: string;
  readonly by: "item" | "model";
  readonly fault?: WordingFault;
}

export interface Paraphrases {
  readonly field: string;
  /** In the order of the task's items. */
  readonly wordings: readonly Wording[];
  /** Hash of what is asked instead of what. */
  readonly digest: string;
  /** Texts that were written before. */
  readonly known: number;
}

interface ParaphraseOptions {
  readonly loaded: LoadedTask;
  /** Writes what items do not bring along. */
  readonly writer?: EvaluatedModel | undefined;
  readonly answers: KeptAnswers;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

const ruleOf = ({ task }: LoadedTask): ParaphraseRule => task.paraphrases ?? paraphraseRule.parse({});

/** Errors: evaluate/task where no field, or none alone, can be put in other words. */
function fieldOf(loaded: LoadedTask): string {
  const { task, items } = loaded;
  const { of } = ruleOf(loaded);
  const texts = Object.keys(items[0]?.fields ?? {}).filter(key => items.some(i => typeof i.fields[key] === "string"));
  const refuse = (place: string, expected: string, received: string, hint?: string) =>
    evaluateErrors.fail("task", { place: `${task.task}: ${place}`, expected, received, ...(hint ? { hint } : {}) });
  if (of !== undefined) {
    if (texts.includes(of)) return of;
    const near = nearest(of, texts);
    throw refuse(
      "paraphrases.of",
      `a text field of the items (${texts.join(", ")})`,
      `"${of}"`,
      near ? `Did you mean "${near}"?` : undefined,
    );
  }
  if (task.output === "loglikelihood_rolling") throw refuse("output", "a task with a prompt, which can be put in other words", task.output);
  const read = task.output === "code" ? [] : fieldsRead(loaded);
  if (read.length === 1) return read[0]!;
  throw refuse(
    "paraphrases.of",
    "the field that is put in other words",
    "none",
    task.output === "code"
      ? "A program's own text stays as it is; name a field that only describes it."
      : `The prompt reads ${read.join(", ") || "no text field"}.`,
  );
}

/** Errors: evaluate/task where other words in the field would change what is right: a sentence to complete, a text to put marks into. */
function checkAnswersStay(loaded: LoadedTask, asked: readonly TaskQuestion[], field: string): void {
  const right = ({ choices, continuations, gold, references, code }: TaskQuestion) =>
    hashOf({ choices, continuations, gold, references, code });
  const other = taskQuestions(loaded, item => ({ ...item, fields: { ...item.fields, [field]: `\u2020${item.fields[field]}` } }));
  const at = other.findIndex((a, i) => right(a) !== right(asked[i]!));
  if (at < 0) return;
  throw evaluateErrors.fail("task", {
    place: `${loaded.task.task}: paraphrases.of`,
    expected: "a field of which no right answer or choice is made",
    received: `"${field}" (${loaded.items[at]!.place})`,
  });
}

/** Wordings that an item brings along. Errors: evaluate/data. */
function ownWordings(item: TaskItem, field: string | undefined): string[] {
  const value = field === undefined ? undefined : item.fields[field];
  if (value === undefined || value === null || value === "") return [];
  const list = Array.isArray(value) ? value : [value];
  if (list.every(v => typeof v === "string")) return list;
  throw evaluateErrors.fail("data", {
    place: `${item.place}: ${field}`,
    expected: "a text in other words, or a list of such",
    received: showValue(value),
  });
}

const request = ({ instruction, chat, maxTokens }: ParaphraseRule, text: string): RequestOf<"generate"> => ({
  prompt: chat ? "" : `${instruction}\n\n${text}\n\n`,
  ...(chat ? { messages: [{ role: "user", content: `${instruction}\n\n${text}` }] } : {}),
  stop: [],
  maxTokens,
  temperature: 0,
  seed: 1,
  samples: 1,
});

const opening = /^["\u201c]/;

/** An answer without what stands around it: blanks, and quotation marks that the text itself has not. */
function trimmed(answer: string, text: string): string {
  const whole = answer.trim();
  return opening.test(whole) && /["\u201d]$/.test(whole) && !opening.test(text.trim()) ? whole.slice(1, -1).trim() : whole;
}

/** What a model writes for each different text; for one that is longer than it reads, nothing. */
async function written(
  texts: readonly string[],
  rule: ParaphraseRule,
  { loaded, writer, answers, progress, signal }: ParaphraseOptions,
): Promise<{ readonly of: ReadonlyMap<string, AnswerOf<"generate">>; readonly long: ReadonlySet<string>; readonly known: number }> {
  const of = new Map<string, AnswerOf<"generate">>();
  const long = new Set<string>();
  if (texts.length === 0 || !writer) return { of, long, known: 0 };
  if (!writer.generate)
    throw evaluateErrors.fail("ability", {
      place: writer.id,
      expected: "a model that writes texts, for paraphrases",
      received: "one that does not",
    });
  const requests = texts.map(text => request(rule, text));
  for (const [i, r] of requests.entries()) {
    const kept = answers.get("generate", r);
    if (kept) of.set(texts[i]!, kept);
  }
  const known = of.size;
  const open = texts.flatMap((text, i) => (of.has(text) ? [] : [i]));
  const tell = () =>
    progress?.({
      stage: "eval",
      done: (of.size + long.size) / texts.length,
      message: `${loaded.task.task}: ${of.size + long.size} of ${texts.length} texts in other words`,
    });
  tell();
  if (open.length > 0)
    await writer.generate(
      open.map(i => requests[i]!),
      (k, answer) => {
        const i = open[k]!;
        of.set(texts[i]!, answer);
        answers.put("generate", requests[i]!, answer);
        tell();
      },
      signal,
      // not kept: the same writer may be given more to read
      k => {
        long.add(texts[open[k]!]!);
        tell();
      },
    );
  return { of, long, known };
}

/** Texts that are right for an item: what a wording may neither lose nor give away. */
const answersOf = ({ continuations, gold, references, code }: TaskQuestion): readonly string[] => [
  ...gold.map(g => continuations[g]!),
  ...references,
  ...(code?.entryPoint === undefined ? [] : [code.entryPoint]),
];

/**
 * Every item in other words. Errors: evaluate/task where the task names no such field or nobody writes; evaluate/ability for a writer that writes nothing;
 * evaluate/empty where no wording passes; evaluate/data; those of the writer; the signal's reason.
 */
export async function paraphrasesOf(o: ParaphraseOptions): Promise<Paraphrases> {
  const { loaded, writer } = o;
  const { task, items } = loaded;
  const rule = ruleOf(loaded);
  const field = fieldOf(loaded);
  const { from } = rule;
  if (from !== undefined && !items.some(i => Object.hasOwn(i.fields, from))) {
    const fields = Object.keys(items[0]?.fields ?? {});
    const near = nearest(from, fields);
    throw evaluateErrors.fail("task", {
      place: `${task.task}: paraphrases.from`,
      expected: `a field of the items (${fields.join(", ")})`,
      received: `"${from}"`,
      ...(near ? { hint: `Did you mean "${near}"?` } : {}),
    });
  }
  if (from === undefined && !writer)
    throw evaluateErrors.fail("task", {
      place: `${task.task}: paraphrases`,
      expected: "`from`, the field with each item's other wordings, or a model that writes them",
      received: "neither",
      hint: "`--paraphraser MODEL` names one: a version, a path or an endpoint.",
    });
  const asked = taskQuestions(loaded);
  const texts = items.map(item => {
    const text = item.fields[field];
    if (typeof text === "string") return text;
    throw evaluateErrors.fail("data", { place: `${item.place}: ${field}`, expected: "a text", received: showValue(text) });
  });
  checkAnswersStay(loaded, asked, field);
  const own = items.map(item => ownWordings(item, from));
  const open = [...new Set(texts.filter((text, i) => own[i]!.length === 0 && text.trim() !== ""))];
  const { of, long, known } = await written(open, rule, o);
  const wordings = items.map((item, i): Wording => {
    const before = texts[i]!;
    const right = answersOf(asked[i]!);
    const tried = own[i]!.map(after => ({ item, before, after, by: "item" as const, fault: wordingFault(before, after, right, "item") }));
    const best = tried.find(t => t.fault === undefined) ?? tried[0];
    if (best) return plain(best);
    const answer = of.get(before);
    if (!answer) return { item, before, after: "", by: writer ? "model" : "item", fault: long.has(before) ? "long" : "none" };
    const after = trimmed(answer.texts[0] ?? "", before);
    const isCut = answer.tokens >= rule.maxTokens;
    return plain({ item, before, after, by: "model", fault: isCut ? "cut" : wordingFault(before, after, right, "model") });
  });
  if (wordings.every(w => w.fault !== undefined))
    throw evaluateErrors.fail("empty", {
      place: `${task.task}: paraphrase`,
      expected: "an item whose other wording passes the checks",
      received: `none of ${wordings.length}: ${[...faultsOf(wordings)].map(([fault, n]) => `${wordingFaults[fault]} ${n}`).join(", ")}`,
      ...(long.size > 0 ? { hint: "A writer reads the instruction and the text, and keeps room for `paraphrases.maxTokens` tokens." } : {}),
    });
  const digest = hashOf({ field, wordings: wordings.map(w => (w.fault === undefined ? w.after : null)) });
  return { field, wordings, digest, known };
}

const plain = ({ fault, ...w }: Omit<Wording, "fault"> & { readonly fault: WordingFault | undefined }): Wording =>
  fault === undefined ? w : { ...w, fault };

/** How many were left out for which fault, the commonest first. */
export function faultsOf(wordings: readonly Wording[]): ReadonlyMap<WordingFault, number> {
  const counts = new Map<WordingFault, number>();
  for (const { fault } of wordings) if (fault !== undefined) counts.set(fault, (counts.get(fault) ?? 0) + 1);
  return new Map([...counts].sort((a, b) => b[1] - a[1]));
}

/** Each item in its other words; undefined where that was left out. */
export function wordingChange({ field, wordings }: Paraphrases): (item: TaskItem) => TaskItem | undefined {
  const taken = new Map(wordings.flatMap(w => (w.fault === undefined ? [[w.item.number, w.after] as const] : [])));
  return item => {
    const text = taken.get(item.number);
    return text === undefined ? undefined : { ...item, fields: { ...item.fields, [field]: text } };
  };
}
