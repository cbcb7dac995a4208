/** Which fields of the items a task asks about: found by looking whether what is asked changes with them. */
import { itemTextReader } from "./ask.ts";
import type { LoadedTask, TaskItem } from "./read-task.ts";
import { keptFields } from "./variants.ts";

/** Items that are looked at: more of them name no other fields. */
const looked = 100;
const mark = "\u2020";

/** Names of the fields whose text the prompt, or what a trained classifier reads, has. What is right, chosen from or names an item is none. Errors: evaluate/data, evaluate/task. */
export function fieldsRead({ task, items }: Pick<LoadedTask, "task" | "items">): string[] {
  const kept = keptFields(task);
  const readers = ([["prompt", task.prompt] as const, ["text", task.text] as const] as const).flatMap(([key, source]) =>
    source === undefined ? [] : [itemTextReader(source, key)],
  );
  const asked = (item: TaskItem) => readers.map(read => read(item)).join("\n");
  const found = new Set<string>();
  for (const item of items.slice(0, looked)) {
    const before = asked(item);
    for (const [key, value] of Object.entries(item.fields)) {
      if (typeof value !== "string" || kept.has(key) || found.has(key)) continue;
      // at the beginning too: prompts cut what is long
      const other = { ...item, fields: { ...item.fields, [key]: `${mark}${value}${mark}` } };
      if (asked(other) !== before) found.add(key);
    }
  }
  return [...found];
}
