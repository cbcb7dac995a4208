/** The kinds of tuning, a row each: `task` of a `tune:` part -> its row. A new one is a folder, its schema in `part.ts`, and a row here. */

import type { Stage } from "../../store/index.ts";
import { classifyKind } from "../classify/kind.ts";
import { embedKind } from "../contrast/kind.ts";
import { distillKind } from "../distill/kind.ts";
import { instructKind } from "../instruct/kind.ts";
import { multiLabelKind } from "../multi-label/kind.ts";
import { preferenceKind } from "../preference/kind.ts";
import { regressKind } from "../regress/kind.ts";
import type { KindSurroundings, TuningKind } from "./kind.ts";
import type { TunePart } from "./kind-part.ts";

export const tuningKinds = {
  classify: classifyKind,
  multilabel: multiLabelKind,
  regress: regressKind,
  instruct: instructKind,
  preference: preferenceKind,
  distill: distillKind,
  embed: embedKind,
} as const;

/** Rows by the names of their tasks, whatever kinds there are. */
const rows: Readonly<Record<string, TuningKind>> = tuningKinds;
export const allKinds = (): readonly TuningKind[] => Object.values(rows);
/** Stages that make a model of what the record holds, of all kinds. */
export const tuningStages = (around: KindSurroundings): readonly Stage[] => allKinds().flatMap(kind => kind.stages(around));
export const tuningKindOf = ({ task }: Pick<TunePart, "task">): TuningKind => rows[task]!;
