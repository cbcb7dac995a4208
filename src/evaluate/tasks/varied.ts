/** Whether a variant changes anything of what is asked: one that does not would be told as answered alike by every item. */
import { evaluateErrors } from "../errors.ts";
import { type TaskQuestion, taskQuestions } from "./ask.ts";
import type { LoadedTask, TaskItem } from "./read-task.ts";
import { keptFields } from "./variants.ts";

/** Of an item whose examples are left out: they stay as they are. */
const asked = ({ context, text, continuations, references, pair }: TaskQuestion): string =>
  JSON.stringify([context, text, continuations, references, pair?.to]);

/** Errors: evaluate/task where every item is asked as it is without the variant, with the fields that stay; those of the items. */
export function checkVaried(loaded: LoadedTask, variant: string, change: (item: TaskItem) => TaskItem | undefined): void {
  const { fewShot: _, ...task } = loaded.task;
  const plain = { ...loaded, task };
  const before = new Map(taskQuestions(plain).map(a => [a.item.number, asked(a)]));
  if (taskQuestions(plain, change).some(a => asked(a) !== before.get(a.item.number))) return;
  const fields = new Set(loaded.items.flatMap(item => Object.keys(item.fields)));
  const kept = [...keptFields(task)].filter(f => typeof f === "string" && fields.has(f));
  throw evaluateErrors.fail("task", {
    place: `${task.task}: --variants ${variant}`,
    expected: "items of which it changes what is asked",
    received: `${before.size} that it leaves as they are`,
    ...(kept.length > 0 ? { hint: `Fields of targets, choices, ids, clusters and slices stay as they are: ${kept.join(", ")}.` } : {}),
  });
}
