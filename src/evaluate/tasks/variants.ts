/**
 * The same items asked in another way: mistyped, in another case, with their options in another order, about someone of another group (`names`, `pronouns`,
 * `identity`). A model that has understood them answers alike.
 * The right answer stays; examples before an item stay as they are. Draws depend on the item alone.
 */
import { random } from "../../base/index.ts";
import { type CounterfactualKind, counterfactualKinds, counterfactualRewriter, noResources, typingErrors } from "../../data/index.ts";
import { evaluateErrors } from "../errors.ts";
import { hasStereotypeParts } from "../stereotype/index.ts";
import { itemTextReader } from "./ask.ts";
import type { TaskItem } from "./read-task.ts";
import type { Task } from "./schema.ts";

/** Variants that follow from the item alone. */
const plainVariants = ["typos", "lower", "upper", "order", ...counterfactualKinds] as const;
export type PlainVariant = (typeof plainVariants)[number];
/** `paraphrase`: in other words, which come with the items or are a model's (`paraphrase/`). */
export const variantNames = [...plainVariants, "paraphrase"] as const;
export type VariantName = (typeof variantNames)[number];

/** None: there is nothing in the item to change, and it is left out. */
type Change = (item: TaskItem) => TaskItem | undefined;

/** Fields that hold no text to read: what is right, what is chosen from, what names and groups. */
export const keptFields = (task: Task): Set<unknown> =>
  new Set([
    task.target,
    task.choices,
    task.options,
    task.id,
    task.cluster,
    task.retrieval?.relevant,
    ...task.slices.filter(s => typeof s === "string"),
  ]);

/** A change of every text field that is read. */
const texts =
  (task: Task, name: string, vary: (text: string, seed: string) => string): Change =>
  item => {
    const kept = keptFields(task);
    const change = (value: unknown, key: string): unknown =>
      typeof value === "string" && !kept.has(key) ? vary(value, `${name} ${item.id} ${key}`) : value;
    return { ...item, fields: Object.fromEntries(Object.entries(item.fields).map(([k, v]) => [k, change(v, k)])) };
  };

async function typos(task: Task): Promise<Change> {
  const options = typingErrors.options.parse({ rate: 0.1 });
  const near = await typingErrors.prepare!(options, noResources);
  return texts(task, "typos", (text, seed) => {
    const varied = typingErrors.vary({ id: seed, text, source: "", attributes: {} }, random(seed), options, near);
    return "text" in varied ? varied.text : text;
  });
}

/** Which of an item's options stands where in the variant `order`: never each where it was, for that would test nothing. */
export function optionOrder(id: string, count: number): number[] {
  const places = [...random(`order ${id}`).permutation(count)];
  if (places.every((p, i) => p === i)) places.push(places.shift()!);
  return places;
}

/** Options in another order, and the number of the right one after them. */
function order(task: Task): Change {
  const field = task.options ?? (typeof task.choices === "string" && !task.choices.includes("{") ? task.choices : undefined);
  const refuse = (place: string, received: string) =>
    evaluateErrors.fail("task", {
      place,
      expected: "`options`: the field that lists the options, and a `target` that is the field with the right one's number or text",
      received,
      hint: "The variant `order` needs both.",
    });
  if (field === undefined || typeof task.target !== "string") throw refuse(task.task, "neither");
  const target = task.target;
  return item => {
    const options = item.fields[field];
    const right = item.fields[target];
    if (!Array.isArray(options) || (typeof right !== "number" && typeof right !== "string"))
      throw refuse(item.place, `${typeof options} and ${typeof right}`);
    const places = optionOrder(item.id, options.length);
    const isNumber = typeof right === "number" || (!options.includes(right) && /^\d+$/.test(right));
    const now = isNumber ? places.indexOf(Number(right)) : right;
    return { ...item, fields: { ...item.fields, [field]: places.map(p => options[p]), [target]: now } };
  };
}

/** Items about someone of another group; the same name becomes the same other one in every field. Those that ask the same then are left out. */
function counterfactual(task: Task, kind: CounterfactualKind): Change {
  const kept = keptFields(task);
  const readers = (
    [["prompt", task.prompt] as const, ["text", task.text] as const, ["similarity.to", task.similarity?.to] as const] as const
  ).flatMap(([key, source]) => (source === undefined ? [] : [itemTextReader(source, key)]));
  return item => {
    const rewrite = counterfactualRewriter([kind], `${kind} ${item.id}`);
    const fields = Object.fromEntries(
      Object.entries(item.fields).map(([k, v]) => [k, typeof v === "string" && !kept.has(k) ? rewrite(v).text : v]),
    );
    const varied = { ...item, fields };
    return readers.some(read => read(varied) !== read(item)) ? varied : undefined;
  };
}

const makers: { readonly [V in PlainVariant]: (task: Task) => Change | Promise<Change> } = {
  typos,
  lower: task => texts(task, "lower", t => t.toLowerCase()),
  upper: task => texts(task, "upper", t => t.toUpperCase()),
  order,
  names: task => counterfactual(task, "names"),
  pronouns: task => counterfactual(task, "pronouns"),
  identity: task => counterfactual(task, "identity"),
};

/** What makes a variant of each item. Errors: evaluate/task where the task cannot have it. */
export async function itemChange(task: Task, variant: PlainVariant): Promise<Change> {
  if (!hasStereotypeParts(task.output)) return makers[variant](task);
  throw evaluateErrors.fail("task", {
    place: `${task.task}: --variants ${variant}`,
    expected: "a task whose items are not rewritings of each other already",
    received: `the output ${task.output}`,
    hint: "Leave --variants out.",
  });
}
