/** The kinds of tuning, a row each: `task` of a `tune:` part -> its row. A new one is a folder and a row here. */
import type { z } from "zod";
import { classifyKind } from "../classify/kind.ts";
import { embedKind } from "../contrast/kind.ts";
import { distillKind } from "../distill/kind.ts";
import { instructKind } from "../instruct/kind.ts";
import { preferenceKind } from "../preference/kind.ts";
import { regressKind } from "../regress/kind.ts";
import type { TunePart, TuningKind } from "./kind.ts";
import { isFilePath } from "./part-options.ts";

export const tuningKinds = {
  classify: classifyKind,
  regress: regressKind,
  instruct: instructKind,
  preference: preferenceKind,
  distill: distillKind,
  embed: embedKind,
} as const;

type Kinds = typeof tuningKinds;
/** A `tune:` part, checked and with its defaults. */
export type TuneOptions = { readonly [T in keyof Kinds]: z.output<Kinds[T]["part"]> }[keyof Kinds];

/** Rows by the names of their tasks, whatever kinds there are. */
const rows: Readonly<Record<string, TuningKind>> = tuningKinds;
export const allKinds = (): readonly TuningKind[] => Object.values(rows);
export const tuningKindOf = ({ task }: Pick<TunePart, "task">): TuningKind => rows[task]!;
/** Names of the tasks whose rows have a property, as sentences list them: `task: classify` or `task: regress`. */
export const tasksWith = (has: (kind: TuningKind) => boolean): string =>
  Object.entries(rows)
    .flatMap(([task, kind]) => (has(kind) ? [`\`task: ${task}\``] : []))
    .join(" or ");

/** The data set that a tuning learns from; undefined of one that reads a file. */
export function dataSetOf(part: Pick<TunePart, "task" | "on">): string | undefined {
  const { reads } = tuningKindOf(part);
  return reads === "data set" || (reads === "either" && !isFilePath(part.on)) ? part.on : undefined;
}
