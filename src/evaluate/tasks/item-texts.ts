/** What a task's items say, as a test set is known by: a document's text, else all fields of the item. */
import { canonicalJson, type Json } from "../../base/index.ts";
import type { LoadedTask } from "./read-task.ts";

export const itemTexts = ({ items, every = items }: Pick<LoadedTask, "items" | "every">): string[] =>
  every.map(({ fields }) => (typeof fields.text === "string" ? fields.text : canonicalJson(fields as Json)));
