/**
 * Texts as a report shows them: short, on few lines, and never with what the project's `private` step masks. A document dropped before that
 * step came to it still has its private data; the step is run over what is shown. What `private` itself dropped is not shown at all.
 */
import type { DocumentAttribute, DocumentAttributes } from "./document.ts";
import type { LedgerMeasure } from "./ledger.ts";
import type { StepCount } from "./measures.ts";
import type { StepName } from "./steps/step-entry.ts";
import { steps as allSteps } from "./steps/steps.ts";

const hiddenText = "(not shown: it holds private data)";

/** Characters of an example. */
const exampleLength = 240;
/** Characters of a text that are looked at for one: masking a whole book for a line of it is waste. */
const lookedAt = 4000;

export const shortened = (text: string, length = exampleLength): string => {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length <= length ? line : `${line.slice(0, length - 3).replace(/[\ud800-\udbff]$/, "")}...`;
};

export interface Shown {
  /** A text without what is private, whole lines; `droppedBy` names the step that dropped it, if one did. */
  masked(text: string, droppedBy?: string): string;
  /** A line of a text. */
  line(text: string, droppedBy?: string): string;
  value(value: LedgerMeasure): LedgerMeasure;
  /** Attributes without what is private: a sender's address that is masked in the text is masked here too. */
  attributes(attributes: DocumentAttributes): DocumentAttributes;
}

/** Values whose masked form is remembered: senders and the like come again. */
const mostRemembered = 20_000;

/** Masks texts and lists of texts; other values hold nothing private. */
function attributeMask(masked: (text: string) => string): Shown["attributes"] {
  const known = new Map<string, string>();
  const remembered = (text: string): string => {
    let value = known.get(text);
    if (value === undefined) {
      if (known.size >= mostRemembered) known.clear();
      value = masked(text);
      known.set(text, value);
    }
    return value;
  };
  const one = (value: DocumentAttribute): DocumentAttribute =>
    typeof value === "string" ? remembered(value) : Array.isArray(value) ? (value as readonly string[]).map(remembered) : value;
  // The group of near-duplicates is the id of one of them.
  return attributes => Object.fromEntries(Object.entries(attributes).map(([k, v]) => [k, k === "cluster" ? v : one(v)]));
}

/** How texts of a run with these steps are shown. */
export function shownBy(steps: readonly Pick<StepCount, "step" | "options">[]): Shown {
  const masks = steps.filter(s => s.step === "private");
  const masked = (text: string, droppedBy?: string): string => {
    if (droppedBy === "private") return hiddenText;
    let now = text;
    for (const { step, options } of masks) {
      const known = allSteps[step as StepName];
      if (known?.kind !== "document") return hiddenText;
      const document = { id: "shown", text: now, source: "", attributes: {} };
      // This step prepares nothing.
      const { text: next = now, verdicts = [] } = known.apply(document, options as never, undefined as never);
      if (verdicts.some(v => !v.keep)) return hiddenText;
      now = next;
    }
    return now;
  };
  const head = (text: string) => (text.length <= lookedAt ? text : text.slice(0, lookedAt).replace(/\S+$/, ""));
  return {
    masked,
    line: (text, droppedBy) => shortened(masked(head(text), droppedBy)),
    value: value => (typeof value === "string" ? shortened(masked(value), 80) : value),
    attributes: masks.length === 0 ? attributes => attributes : attributeMask(masked),
  };
}
