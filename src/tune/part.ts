/** A model of `loam.yaml` that is tuned from another: a base, and a recipe that its task checks. A new task is the row of its folder's `part.ts` here. */
import { z } from "zod";
import { purposePart } from "../data/part.ts";
import type { MeshPart } from "../train/part.ts";
import { classifyRow } from "./classify/part.ts";
import { embedRow } from "./contrast/part.ts";
import { distillRow } from "./distill/part.ts";
import { instructRow } from "./instruct/part.ts";
import type { KindPart, LoopReading, RefusePart, TunePart } from "./kind/kind-part.ts";
import { multiLabelRow } from "./multi-label/part.ts";
import { isFilePath, modelName } from "./names.ts";
import { preferenceRow } from "./preference/part.ts";
import { regressRow } from "./regress/part.ts";

export type { LoopReading } from "./kind/kind-part.ts";
export { type SearchPart, searchPart } from "./study/part.ts";

/** `task` of a `tune:` part -> its row. */
export const kindParts = {
  classify: classifyRow,
  multilabel: multiLabelRow,
  regress: regressRow,
  instruct: instructRow,
  preference: preferenceRow,
  distill: distillRow,
  embed: embedRow,
} as const;

type KindParts = typeof kindParts;
/** A `tune:` part, checked and with its defaults. */
export type CheckedTunePart = { readonly [T in keyof KindParts]: z.output<KindParts[T]["part"]> }[keyof KindParts];

/** Rows by the names of their tasks, whatever kinds there are. */
const rows: Readonly<Record<string, KindPart>> = kindParts;
/** The row of a part's task. */
export const kindPartOf = ({ task }: Pick<TunePart, "task">): KindPart => rows[task]!;

// one part for each row; their number is not known to the type of a discriminated union
const parts = () => Object.values(rows).map(row => row.part) as unknown as readonly [z.ZodObject & z.ZodType<CheckedTunePart>];

/** What the loss of a stage is counted in, of a training or a tuning; `stage` with or without its version (`train@1`). */
export function lossUnit(stage: string): string {
  const name = stage.replace(/@.*$/, "");
  const losses = Object.values(rows).flatMap(row => Object.entries(row.losses ?? {}));
  return losses.find(([key]) => name === key || name.startsWith(`${key}-`))?.[1] ?? "nats per token";
}

/** Does a task's recipe say on how many ranks it is tuned? */
export const takesRanks = ({ part }: KindPart): boolean => "mesh" in part.shape;

/** What one rank alone trains: gradients that are no plain sums over rows. */
const ofOneRank = ["privacy", "debias"] as const;
/** The key of a recipe with a mesh that one rank alone trains; undefined where any number does. */
export function aloneWith(tune: CheckedTunePart): string | undefined {
  // keys of some kinds
  const { mesh, ...keys } = tune as { readonly mesh?: MeshPart } & Partial<Record<(typeof ofOneRank)[number], unknown>>;
  return Object.values(mesh ?? {}).some((ranks = 1) => ranks > 1) ? ofOneRank.find(key => keys[key] !== undefined) : undefined;
}

export const tunedModel = z.strictObject({
  base: modelName.meta({ description: "Base model: a model of this file, or a version.", examples: ["mail-small", "minilm@2"] }),
  tune: z
    .lazy(() => z.discriminatedUnion("task", parts()))
    .superRefine((tune, context) => {
      const refuse: RefusePart = (path, message, input) => context.addIssue({ code: "custom", path: [...path], message, input });
      const key = aloneWith(tune);
      if (key !== undefined) refuse(["mesh"], `one rank beside \`${key}\``, (tune as { readonly mesh?: unknown }).mesh);
      kindPartOf(tune).check?.(tune, refuse);
    })
    .describe("Tuning recipe."),
  purpose: purposePart,
});
export type TunedModel = z.output<typeof tunedModel>;

/** Names of the tasks whose rows have a property, as sentences list them: `task: classify` or `task: regress`. */
export const tasksWith = (has: (row: KindPart) => boolean): string =>
  Object.entries(rows)
    .flatMap(([task, row]) => (has(row) ? [`\`task: ${task}\``] : []))
    .join(" or ");

/** Models that a tuned one is made of. */
export const madeOf = ({ base, tune }: TunedModel): string[] => [base, ...(kindPartOf(tune).modelsOf?.(tune) ?? [])];

/** The data set that a tuning learns from; undefined of one that reads a file. */
export function dataSetOf(part: Pick<TunePart, "task" | "on">): string | undefined {
  const { reads } = kindPartOf(part);
  return reads === "data set" || (reads === "either" && !isFilePath(part.on)) ? part.on : undefined;
}

/** What a retraining loop of it reads of documents; undefined of kinds that no loop retrains. */
export const loopReadingOf = (tune: CheckedTunePart): LoopReading | undefined => kindPartOf(tune).loopReads?.(tune);

/** Is its recipe one that cross-validation scores: of documents that bear what is right? */
export const canBeCrossValidated = (tune: Pick<TunePart, "task">): boolean => kindPartOf(tune).hasFolds === true;

/** The same tuning as trials are: without what their judgement does not need. */
export const withoutReports = ({ tune, ...model }: TunedModel): TunedModel => {
  // a row gives the part that it takes
  const part = kindPartOf(tune).trialPart?.(tune) as CheckedTunePart | undefined;
  return { ...model, tune: part ?? tune };
};

/** Does an entry of `models:` say that it is tuned? */
export const isTuned = (entry: unknown): boolean => typeof entry === "object" && entry !== null && ("tune" in entry || "base" in entry);
