/** What a result says of an item whatever came of it: its name and place, its prompt, and the attributes that slices are made of. */
import { evaluateErrors } from "./errors.ts";
import { fairnessGroupsOf } from "./part.ts";
import type { ItemResult } from "./results/item.ts";
import type { TaskQuestion } from "./tasks/ask.ts";
import type { LoadedTask, TaskItem } from "./tasks/read-task.ts";
import type { SliceRule, Task } from "./tasks/schema.ts";

/** Characters of a prompt that are kept: its end, where the question is; of a text that is classified or scored as a whole, its beginning. */
const shownPrompt = 1200;

/** An attribute that slices are made of, and into how many parts. */
export interface SliceBy {
  readonly by: string;
  readonly parts: number;
  /** A text's: in parts however few different ones there are. */
  readonly isLength?: boolean | undefined;
}

/** `length` of a text stands under its field's name. */
export const sliceName = (rule: SliceRule): SliceBy =>
  typeof rule === "string" ? { by: rule, parts: 3 } : { by: `length of ${rule.length}`, parts: rule.parts, isLength: true };

/** What a slice reads of an item; null and, but for its length, an empty text are no value. */
function sliced(rule: SliceRule, { prompt, item }: TaskQuestion): string | number | undefined {
  const field = typeof rule === "string" ? rule : rule.length;
  const value = field === "prompt" && typeof rule !== "string" ? prompt : item.fields[field];
  if (value === undefined || value === null || (value === "" && typeof rule === "string")) return undefined;
  if (typeof rule !== "string") return String(value).length;
  return typeof value === "number" || typeof value === "string" ? value : JSON.stringify(value);
}

/** Fields that groups are made of, each once. */
const groupFields = ({ groups }: Task): string[] => (groups ? [...new Set(fairnessGroupsOf(groups).by.flat())] : []);

/** Errors: evaluate/data where no item has a field that a slice or a group names. */
function checkSlices(task: Task, asked: readonly TaskQuestion[]): void {
  const { slices } = task;
  const fields = new Set(asked.flatMap(a => Object.keys(a.item.fields)));
  const unknown = groupFields(task).find(field => !fields.has(field));
  if (unknown !== undefined && asked.length > 0)
    throw evaluateErrors.fail("data", {
      place: `${asked[0]!.item.place}: groups`,
      expected: `one of ${[...fields].slice(0, 20).join(", ")}`,
      received: `"${unknown}"`,
      hint: "An attribute that only some items have is a group: the others are (missing).",
    });
  for (const rule of slices) {
    const field = typeof rule === "string" ? rule : rule.length;
    if (fields.has(field) || (field === "prompt" && typeof rule !== "string") || asked.length === 0) continue;
    throw evaluateErrors.fail("data", {
      place: `${asked[0]!.item.place}: slices`,
      expected: `one of ${[...fields].slice(0, 20).join(", ")}`,
      received: `"${field}"`,
    });
  }
}

/** Groups are those of the item as it is without a variant: other words are of the same group. */
function attributesOf(task: Task, a: TaskQuestion, original: TaskItem): Record<string, string | number> {
  const named = groupFields(task).map(field => [field, sliced(field, { ...a, item: original })] as const);
  const values = [...named, ...task.slices.map(rule => [sliceName(rule).by, sliced(rule, a)] as const)];
  return Object.fromEntries(values.filter((v): v is readonly [string, string | number] => v[1] !== undefined));
}

export type AboutItem = Pick<ItemResult, "id" | "place" | "prompt" | "attributes" | "cluster">;

function shownOf(task: Task, { prompt, text, pair, references, stereotype, continuations }: TaskQuestion, isClassified: boolean): string {
  if (stereotype && prompt === "") return continuations[0]!.slice(0, shownPrompt);
  if (isClassified) return text.slice(0, shownPrompt);
  // a whole text stands after nothing
  if (task.output === "loglikelihood_rolling") return (references[0] ?? "").slice(0, shownPrompt);
  return (pair ? `${prompt} | ${pair.to}` : prompt).slice(-shownPrompt);
}

/** `isClassified`: a classifier is asked, so what it read is the text alone. Errors: evaluate/data where a slice names a field that no item has. */
export function aboutItems(
  { task, items }: Pick<LoadedTask, "task" | "items">,
  asked: readonly TaskQuestion[],
  isClassified = false,
): AboutItem[] {
  checkSlices(task, asked);
  const originals = new Map(items.map(item => [item.number, item]));
  return asked.map(a => {
    const cluster = task.cluster === undefined ? undefined : a.item.fields[task.cluster];
    return {
      id: a.item.id,
      place: a.item.place,
      prompt: shownOf(task, a, isClassified),
      attributes: attributesOf(task, a, originals.get(a.item.number) ?? a.item),
      ...(cluster === undefined || cluster === null ? {} : { cluster: String(cluster) }),
    };
  });
}

/** Milliseconds as they are recorded: whole microseconds. */
export const roundedMs = (ms: number): number => Math.round(ms * 1000) / 1000;
