/**
 * Which items of a task a model has seen in training: the data sets that it was made from say so where their recipe has the step `decontaminate` with
 * the very file of the task (by its SHA-256), or with a set that the task names. Found by lineage; a model without one has no answer.
 */
import { z } from "zod";
import { contaminationFile } from "../../data/index.ts";
import { type Cleanness, cleannessOf, type EvaluatedModel, evaluateErrors, type LoadedTask, markKey } from "../../evaluate/index.ts";
import { openArtifact, type Store, trace } from "../../store/index.ts";

/** The part of a data set's options that is looked at. */
const recipe = z.looseObject({
  steps: z.array(z.looseObject({ step: z.string(), options: z.unknown().optional() })),
  needs: z.record(z.string(), z.string()).default({}),
});
const sets = z.looseObject({
  action: z.string().default("drop"),
  sets: z.array(z.looseObject({ name: z.string(), file: z.string(), id: z.string().optional() })),
});
const mark = z.looseObject({ item: z.string(), mark: z.string() });

/** What was held beside what. */
export interface ContaminationCheck {
  /** The data set in whose recipe the set is. */
  readonly data: string;
  readonly set: string;
  readonly file: string;
  /** The set's file is the task's, byte by byte. */
  readonly isSameFile: boolean;
  /** What became of documents that hold an item. */
  readonly action: string;
}

export interface SeenItems {
  readonly checks: readonly ContaminationCheck[];
  /** In the order of the task's items. */
  readonly cleanness: readonly Cleanness[];
}

/** Undefined where no data set of the model's was checked against the task's items. Errors: evaluate/task for a set that is none. */
export async function seenItems(store: Store, model: EvaluatedModel, loaded: LoadedTask): Promise<SeenItems | undefined> {
  const named = loaded.task.contamination?.set;
  const checks: ContaminationCheck[] = [];
  const marks: Map<string, string>[] = [];
  const keys: { readonly name: string; readonly id?: string | undefined }[] = [];
  const known: string[] = [];
  const nodes =
    model.artifact === undefined
      ? []
      : await trace(store, model.artifact, { first: 0 }).then(t => {
          const above = new Set(t.madeFrom);
          return t.nodes.filter(n => above.has(n.id));
        });
  for (const node of nodes) {
    const told = recipe.safeParse(node.options);
    const step = told.success ? told.data.steps.findLast(s => s.step === "decontaminate") : undefined;
    const options = sets.safeParse(step?.options);
    if (!told.success || !options.success) continue;
    for (const set of options.data.sets) {
      known.push(set.name);
      const isSameFile = told.data.needs[`file ${set.file}`] === loaded.fileDigest;
      if (named === undefined ? !isSameFile : set.name !== named) continue;
      const text = (await (await openArtifact(store, node.id)).read(contaminationFile)).toString("utf8");
      const all = text
        .split("\n")
        .filter(Boolean)
        .map(line => mark.parse(JSON.parse(line)));
      marks.push(new Map(all.map(m => [m.item, m.mark])));
      keys.push({ name: set.name, id: loaded.task.contamination?.id ?? set.id });
      checks.push({ data: node.id, set: set.name, file: set.file, isSameFile, action: options.data.action });
    }
  }
  if (checks.length === 0) {
    if (named === undefined) return undefined;
    throw evaluateErrors.fail("task", {
      place: `${loaded.task.task}: contamination.set`,
      expected: known.length
        ? `a set that the data of ${model.id} was checked against: ${[...new Set(known)].join(", ")}`
        : `a model whose data was made with the step decontaminate`,
      received: `"${named}"`,
      hint: "Leave `contamination` out where the data was not checked; docs/data-decontamination.md shows how it is.",
    });
  }
  return {
    checks,
    cleanness: loaded.items.map(item => cleannessOf(keys.map((key, i) => marks[i]!.get(markKey(item, key))))),
  };
}
