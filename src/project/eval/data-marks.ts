/** What a data set's `decontaminate` left in the record: the sets that it searched for, and the mark of every item. */
import { z } from "zod";
import { contaminationFile } from "../../data/index.ts";
import type { ArtifactReader } from "../../store/index.ts";

/** The part of a data set's options that is looked at. */
const recipe = z.looseObject({
  steps: z.array(z.looseObject({ step: z.string(), options: z.unknown().optional() })),
  needs: z.record(z.string(), z.string()).default({}),
});
const searched = z.looseObject({
  action: z.string().default("drop"),
  sets: z.array(z.looseObject({ name: z.string(), file: z.string(), id: z.string().optional() })),
});
const mark = z.looseObject({ item: z.string(), mark: z.string(), documents: z.array(z.string()).default([]) });

export interface SearchedSet {
  readonly name: string;
  readonly file: string;
  /** The field by which it calls its items. */
  readonly id?: string | undefined;
  /** Of the file, as it was then. */
  readonly digest: string | undefined;
  /** What became of documents that hold an item. */
  readonly action: string;
}

/** Of the last step of that name; none where the options are no data set's or it has no such step. */
export function searchedSets(options: unknown): readonly SearchedSet[] {
  const told = recipe.safeParse(options);
  const step = told.success ? told.data.steps.findLast(s => s.step === "decontaminate") : undefined;
  const found = searched.safeParse(step?.options);
  if (!told.success || !found.success) return [];
  const { action, sets } = found.data;
  return sets.map(({ name, file, id }) => ({ name, file, id, digest: told.data.needs[`file ${file}`], action }));
}

async function linesOf(data: ArtifactReader): Promise<readonly z.output<typeof mark>[]> {
  const text = (await data.read(contaminationFile)).toString("utf8");
  return text
    .split("\n")
    .filter(Boolean)
    .map(line => mark.parse(JSON.parse(line)));
}

/** Documents of the train side that hold an item. */
export const holders = async (data: ArtifactReader): Promise<ReadonlySet<string>> =>
  new Set((await linesOf(data)).flatMap(m => m.documents));

/** Marks by item. `held`: of the documents that hold one, those that are trained on; an item that only others hold is clean. */
export async function marksOf(data: ArtifactReader, held?: ReadonlySet<string>): Promise<ReadonlyMap<string, string>> {
  const isHeld = (documents: readonly string[]) => held === undefined || documents.some(d => held.has(d));
  return new Map((await linesOf(data)).map(m => [m.item, m.mark === "contaminated" && !isHeld(m.documents) ? "clean" : m.mark]));
}
