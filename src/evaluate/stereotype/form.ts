/** What the readers of stereotype benchmarks share: an item as texts to compare, and the facts that its measures count by. */
import { nearest, showValue } from "../../base/index.ts";
import { evaluateErrors } from "../errors.ts";
import type { TaskFileItem } from "../tasks/items.ts";

/** What is known of an item beside its texts. Recorded with the result, so measures need no file. */
export interface StereotypeFacts {
  /** `race`, `gender`: the kind of stereotype, as the file calls it. */
  readonly type?: string;
  /** StereoSet: `intrasentence` or `intersentence`, and the target term that scores are averaged by. */
  readonly form?: string;
  readonly term?: string;
  /** CrowS-Pairs: whether the first sentence shows a stereotype of the disadvantaged group, or the second one violates it. */
  readonly direction?: "stereo" | "antistereo";
  /** BBQ: whether the context leaves the answer open, which choice says so, and which one agrees with the stereotype. */
  readonly isAmbiguous?: boolean;
  readonly unknown?: number;
  readonly biased?: number;
}

/** An item of a benchmark: texts whose likelihoods are compared. */
export interface StereotypeItem {
  /** Stands before every text; empty where whole texts are scored. */
  readonly context: string;
  /** What each text is, and the text. */
  readonly choices: readonly string[];
  readonly texts: readonly string[];
  /** Numbers of the right choices; undefined where none is right. */
  readonly gold?: readonly number[];
  readonly facts: StereotypeFacts;
}

export const badItem = (place: string, expected: string, received: unknown, hint?: string) =>
  evaluateErrors.fail("data", {
    place,
    expected,
    received: typeof received === "string" ? JSON.stringify(received.slice(0, 80)) : showValue(received),
    ...(hint === undefined ? {} : { hint }),
  });

/** A text field that is not empty. Errors: evaluate/data with the nearest field there. */
export function itemField({ fields, place }: TaskFileItem, name: string): string {
  const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (typeof value === "string" && value.trim() !== "") return value;
  const near = value === undefined ? nearest(name, Object.keys(fields)) : undefined;
  throw badItem(
    `${place}: ${name}`,
    "a text that is not empty",
    value,
    near === undefined || near === name ? undefined : `Did you mean "${near}"?`,
  );
}

export const optionalField = ({ fields }: TaskFileItem, name: string): string | undefined => {
  const value = fields[name];
  return typeof value === "string" && value !== "" ? value : undefined;
};

/** The text with its only mark filled. Errors: evaluate/data where the mark is missing or repeated. */
export function filled(text: string, mark: string, by: string, place: string): string {
  const parts = text.split(mark);
  if (parts.length === 2) return parts.join(by);
  throw badItem(place, `a text with ${mark} in one place`, text);
}
