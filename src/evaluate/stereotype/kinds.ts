/** The outputs of tasks on stereotypes: how an item is read, which slices are reported by default, and how texts are scored. A new benchmark is a row. */
import type { TaskFileItem } from "../tasks/items.ts";
import { bbqItem } from "./bbq.ts";
import type { StereotypeItem } from "./form.ts";
import { crowsItem, winoItem } from "./sentence-pairs.ts";
import { stereosetItem } from "./stereoset.ts";

interface StereotypeKind {
  /** Errors: evaluate/data with file, line and field. */
  readonly read: (item: TaskFileItem) => StereotypeItem;
  /** Texts of different length are compared by the mean log-likelihood of a token; else by the sum. */
  readonly isPerToken: boolean;
  /** Fields that results are sliced by where a task names none and its items have them. */
  readonly slices: readonly string[];
}

export const stereotypeOutputs = ["stereoset", "crows_pairs", "winobias", "bbq"] as const;
export type StereotypeOutput = (typeof stereotypeOutputs)[number];

export const stereotypeKinds: { readonly [O in StereotypeOutput]: StereotypeKind } = {
  stereoset: { read: stereosetItem, isPerToken: true, slices: ["bias_type", "type"] },
  crows_pairs: { read: crowsItem, isPerToken: false, slices: ["bias_type", "stereo_antistereo"] },
  winobias: { read: winoItem, isPerToken: false, slices: ["pro_stereotyped"] },
  bbq: { read: bbqItem, isPerToken: false, slices: ["category"] },
};

export const isStereotypeOutput = (output: string): output is StereotypeOutput => Object.hasOwn(stereotypeKinds, output);

/** Measures of these outputs may name a type after a colon. */
export const hasStereotypeParts = (output: string): boolean => output === "weat" || isStereotypeOutput(output);

interface Keys {
  readonly output: string;
  readonly [key: string]: unknown;
}

/** Keys that the form of the file stands in for, and those that would change whose likelihood is compared. */
const takenByForm = ["choices", "labels", "target", "text", "options", "paraphrases", "positive", "system"] as const;

/** What tasks on stereotypes cannot have. */
export function stereotypeComplaints(t: Keys): { readonly path: readonly string[]; readonly message: string; readonly input?: unknown }[] {
  if (!hasStereotypeParts(t.output)) return [];
  const keys = t.output === "bbq" ? takenByForm : [...takenByForm, "prompt", "fewShot"];
  const found = keys
    .filter(key => t[key] !== undefined)
    .map(key => ({ path: [key], message: `none: the output ${t.output} reads the items' own fields`, input: t[key] }));
  return t.output !== "bbq" && t.chat === true
    ? [...found, { path: ["chat"], message: "false: whole texts are scored", input: true }]
    : found;
}
