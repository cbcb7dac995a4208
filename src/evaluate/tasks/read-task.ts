/** A task file with its items: YAML of Loam's shape or of lm-evaluation-harness, and the files it names. */
import { existsSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { check, defined, hashOf, parseYaml, readBytes, sha256 } from "../../base/index.ts";
import { drawn } from "../../data/index.ts";
import { evaluateErrors } from "../errors.ts";
import { matched } from "../results/match.ts";
import { isStereotypeOutput, stereotypeKinds, weatTargets } from "../stereotype/index.ts";
import { checkApart } from "./apart.ts";
import { corpusOf, type RetrievalCorpus } from "./corpus.ts";
import { harnessTasks, isHarness } from "./harness.ts";
import { isGroup, readGroup, type TaskGroup } from "./harness-groups.ts";
import { isKeys, readIncluded } from "./harness-include.ts";
import { itemId, readTaskItems, type TaskFileItem } from "./items.ts";
import { type Task, taskSchema } from "./schema.ts";

export interface TaskItem extends TaskFileItem {
  readonly id: string;
  /** Its place among all items of its file, from 0. */
  readonly number: number;
}

export interface LoadedTask {
  readonly task: Task;
  readonly items: readonly TaskItem[];
  /** Where a limit leaves some out: all items of the split. */
  readonly every?: readonly TaskItem[];
  /** What few-shot examples are drawn from; empty where there are none. */
  readonly examples: readonly TaskItem[];
  /** Hash of the task and of all items' content: what is asked. */
  readonly digest: string;
  /** What its baselines learn from, by split. */
  readonly training: Readonly<Record<string, readonly TaskItem[]>>;
  /** SHA-256 of the file that the items are from; of a data set, its digest. */
  readonly fileDigest: string;
  /** Where the task names costs: the items that choose a threshold. */
  readonly choosing?: readonly TaskItem[];
  /** Of retrieval: what is searched. Queries that nothing answers are none of the items. */
  readonly corpus?: RetrievalCorpus;
}

/** Documents of a data set of the project as items. Who reads tasks outside a project has none. */
export type DocumentItems = (
  name: string,
  side: "train" | "held-out",
) => Promise<{ readonly items: readonly TaskFileItem[]; readonly digest: string }>;

/** Tasks of a file, and what is told of several together. */
export interface TaskFile {
  readonly tasks: readonly LoadedTask[];
  readonly groups: readonly TaskGroup[];
}

const parsed = (value: unknown, place: string): Task[] =>
  isHarness(value) ? harnessTasks(value, place).map(t => t.task) : [check(taskSchema, value ?? {}, place)];

function onlyOne<T>(tasks: readonly T[], place: string): T {
  if (tasks.length === 1) return tasks[0]!;
  throw evaluateErrors.fail("task", { place, expected: "one task", received: `${tasks.length}`, hint: "readTasks reads them all." });
}

/** The task of a file's text. Errors: base/syntax, base/unknownKey, base/config, evaluate/task, also for several lists of filters. */
export const parseTask = (text: string, place: string): Task => onlyOne(parsed(parseYaml(text, place), place), place);

interface Source {
  /** What complaints call it. */
  readonly shown: string;
  readonly items: readonly TaskItem[];
  readonly digest: string;
}

async function sourceOf(task: Task, split: string, folder: string, documents: DocumentItems | undefined): Promise<Source> {
  const given = task.data[split]!;
  const numbered = (items: readonly TaskFileItem[]) => items.map((item, number) => ({ ...item, number, id: "" }));
  if (typeof given === "string" || "file" in given) {
    const { file, format } = typeof given === "string" ? { file: given, format: undefined } : given;
    const path = resolve(folder, file);
    if (!existsSync(path))
      throw evaluateErrors.fail("task", {
        place: `${task.task}: data.${split}`,
        expected: "a file of items",
        received: `"${file}", which is not there`,
        hint: `Check the path; it is taken from the task's own folder, ${folder}.`,
      });
    const items = await readTaskItems(path, file, format);
    return { shown: file, items: numbered(items), digest: sha256(readBytes(path)) };
  }
  if (!documents)
    throw evaluateErrors.fail("task", {
      place: `${task.task}: data.${split}`,
      expected: "a file of items",
      received: `the data set "${given.documents}"`,
      hint: "`loam eval` reads data sets, in the folder of their project (-C).",
    });
  const { items, digest } = await documents(given.documents, given.side);
  return { shown: `${given.documents}/${given.side}`, items: numbered(items), digest };
}

/** The items of a split that are meant, not named yet. */
function meantOf(task: Task, split: string, { shown, items: all }: Source): TaskItem[] {
  const given = task.data[split]!;
  const { where = {} } = typeof given === "string" ? {} : given;
  const wanted = Object.entries(where);
  const kept = all.filter(i => wanted.every(([key, value]) => String(i.fields[key]) === String(value)));
  if (kept.length === 0)
    throw evaluateErrors.fail("empty", { place: `${shown}: where`, expected: `an item with ${JSON.stringify(where)}`, received: "none" });
  const hasSample = typeof given !== "string" && "documents" in given && given.sample !== undefined;
  return hasSample ? drawn(kept, given.sample!, i => String(i.fields.id), given.seed) : kept;
}

function itemsOf(task: Task, split: string, source: Source): TaskItem[] {
  const meant = meantOf(task, split, source);
  // a test is an item a target text
  const all = task.output === "weat" ? weatTargets(meant).map((i, number) => ({ ...i, number })) : meant;
  const items = all.map(i => ({ ...i, id: itemId(i, task.id) }));
  if (task.id !== undefined) {
    const seen = new Map<string, string>();
    for (const i of items) {
      const before = seen.get(i.id);
      if (before !== undefined)
        throw evaluateErrors.fail("data", {
          place: i.place,
          expected: `a "${task.id}" of its own`,
          received: `"${i.id}", as at ${before}`,
        });
      seen.set(i.id, i.place);
    }
  }
  return items;
}

/** Reads a file of one task and its items, the first `limit` of them. Errors: as `readTasks`, and evaluate/task where there are several tasks. */
export const readTask = async (path: string, limit?: number, documents?: DocumentItems): Promise<LoadedTask> =>
  onlyOne((await readTasks(path, limit, documents)).tasks, basename(path));

/** A task with its examples as turns of a chat; without examples it stays what it is. */
export const examplesAsTurns = (task: Task): Task =>
  task.fewShot && task.fewShot.count > 0 ? { ...task, chat: true, fewShot: { ...task.fewShot, multiturn: true } } : task;

/**
 * Reads the tasks of a file, or of a group of lm-evaluation-harness, with their items, the first `limit` of each; `change` is made to each task before it is
 * looked at. Errors: those of `parseTask`; evaluate/data and evaluate/empty of the items; base/missingFile; those of `documents`.
 */
export async function readTasks(
  path: string,
  limit = Number.POSITIVE_INFINITY,
  documents?: DocumentItems,
  change: (task: Task) => Task = t => t,
): Promise<TaskFile> {
  const value = readIncluded(path);
  if (isKeys(value) && isGroup(value)) {
    const { members, groups } = readGroup(value, path);
    const tasks: LoadedTask[] = [];
    for (const m of members) tasks.push(await loaded(change(m.task), dirname(m.path), limit, documents));
    return { tasks, groups };
  }
  const tasks: LoadedTask[] = [];
  for (const task of parsed(value, basename(path))) tasks.push(await loaded(change(task), dirname(path), limit, documents));
  return { tasks, groups: [] };
}

/** A task with the slices that its output tells by default: of the fields that its items have. */
function withSlices(task: Task, items: readonly TaskItem[]): Task {
  if (task.output === "weat" && task.slices.length === 0) return { ...task, slices: ["test"] };
  if (!isStereotypeOutput(task.output) || task.slices.length > 0) return task;
  return { ...task, slices: stereotypeKinds[task.output].slices.filter(field => items.some(i => Object.hasOwn(i.fields, field))) };
}

async function loaded(given: Task, folder: string, limit: number, documents: DocumentItems | undefined): Promise<LoadedTask> {
  // an expression that is none is told before anybody is asked
  if (given.match) matched(given.match, given.task);
  const read = async (split: string) => {
    const source = await sourceOf(given, split, folder, documents);
    return { items: itemsOf(given, split, source), digest: source.digest };
  };
  const { items: every, digest: fileDigest } = await read(given.split);
  const task = withSlices(given, every);
  const unnamed = async (split: string) => meantOf(task, split, await sourceOf(task, split, folder, documents));
  const corpus = task.retrieval && (await corpusOf(task.retrieval, every, unnamed));
  const all = corpus ? every.filter(i => corpus.gains.has(i.id)) : every;
  const items = all.slice(0, limit);
  const from = task.fewShot && task.fewShot.count > 0 ? (task.fewShot.from ?? task.split) : undefined;
  const examples = from === undefined ? [] : from === task.split ? all : (await read(from)).items;
  const training: Record<string, readonly TaskItem[]> = {};
  for (const [name, rule] of Object.entries(task.baselines ?? {})) {
    if (typeof rule === "string" || !("learn" in rule)) continue;
    training[rule.from] ??= rule.from === from ? examples : (await read(rule.from)).items;
    checkApart(
      `${task.task}: baselines.${name}.from`,
      training[rule.from]!,
      all,
      "A model trained on its evaluation items looks better than it is.",
    );
  }
  const choosing = task.costs && (await read(task.costs.from)).items;
  if (choosing)
    checkApart(`${task.task}: costs.from`, choosing, all, "A threshold chosen on its evaluation items looks better than it is.");
  return {
    task,
    items,
    ...(items.length < all.length ? { every: all } : {}),
    examples,
    training,
    digest: digestOf(task, items, examples, corpus),
    fileDigest,
    ...defined({ choosing, corpus }),
  };
}

/** What is asked; what people are told, and what is done with the answers, is left out. */
function digestOf(task: Task, items: readonly TaskItem[], examples: readonly TaskItem[], corpus?: RetrievalCorpus): string {
  const {
    about: _,
    judge: _judge,
    contamination: _set,
    match: _match,
    baselines: _baselines,
    paraphrases: _wordings,
    costs: _costs,
    ...asked
  } = task;
  return hashOf({
    task: asked,
    items: items.map(i => i.fields),
    examples: examples.map(i => i.id),
    ...(corpus ? { corpus: corpus.digest } : {}),
  });
}

/** The items that choose a threshold as a task of their own, with the same examples before each; undefined where the task names no costs. */
export function choosingTask(loaded: LoadedTask): LoadedTask | undefined {
  const { task: asked, choosing, examples } = loaded;
  if (!choosing || !asked.costs) return undefined;
  const { fewShot, split } = asked;
  const task: Task = {
    ...asked,
    split: asked.costs.from,
    ...(fewShot ? { fewShot: { ...fewShot, from: fewShot.from ?? split } } : {}),
  };
  return { ...loaded, task, items: choosing, digest: digestOf(task, choosing, examples) };
}
