/** What a result says of an item whatever came of it: its name and place, its prompt, and the attributes that slices are made of. */
import { evaluateErrors } from "./errors.ts";
import type { ItemResult } from "./results/item.ts";
import type { Asked } from "./tasks/ask.ts";
import type { SliceRule, Task } from "./tasks/schema.ts";

/** Characters of a prompt that are kept: its end, where the question is. */
const shownPrompt = 1200;

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

export type AboutItem = Pick<ItemResult, "id" | "place" | "prompt" | "attributes" | "cluster">;

/** Errors: evaluate/data where a slice names no field. */
export function aboutItem(task: Task, a: Asked): AboutItem {
  const cluster = task.cluster === undefined ? undefined : a.item.fields[task.cluster];
  return {
    id: a.item.id,
    place: a.item.place,
    prompt: (a.pair ? `${a.prompt} | ${a.pair.to}` : a.prompt).slice(-shownPrompt),
    attributes: attributesOf(task, a),
    ...(cluster === undefined || cluster === null ? {} : { cluster: String(cluster) }),
  };
}

/** Milliseconds as they are recorded: whole microseconds. */
export const rounded = (ms: number): number => Math.round(ms * 1000) / 1000;
