/** Documents of a project's data set as items of a task: what loam.yaml stands for now, as it was made. */
import { documentsOf, drawnRecord, type SplitSide } from "../../data/index.ts";
import { type DocumentItems, evaluateErrors, type TaskFileItem } from "../../evaluate/index.ts";
import { type DataSet, openDataSet } from "../data/data-set.ts";
import { projectErrors } from "../errors.ts";
import { openRecordOf, projectOrNone } from "../models/home.ts";

/** Reads when it is asked. Errors: evaluate/task outside a project; project/argument, project/nothing where the data set is unknown, not made or not made anew; evaluate/empty. */
export const documentItems =
  (folder: string): DocumentItems =>
  async (name, side) => {
    const project = projectOrNone(folder);
    if (!project)
      throw evaluateErrors.fail("task", {
        place: `data set "${name}"`,
        expected: "a project (loam.yaml) that makes it",
        received: folder,
        hint: "-C names the project's folder.",
      });
    const store = await openRecordOf(project);
    try {
      return await read(name, side, await openDataSet(project, store, name));
    } finally {
      await store.close();
    }
  };

async function read(name: string, side: SplitSide, { artifact, isStale }: DataSet) {
  if (isStale)
    throw projectErrors.fail("nothing", {
      place: `data/${name}`,
      expected: "documents as loam.yaml says now",
      received: `${artifact.id}, made before it or the source changed`,
      hint: `\`loam data run ${name}\` rebuilds them.`,
    });
  const items: TaskFileItem[] = [];
  for await (const d of documentsOf(artifact, side)) items.push({ fields: drawnRecord(d), place: `${d.id} (${side})` });
  if (items.length === 0)
    throw evaluateErrors.fail("empty", { place: `${name}/${side}`, expected: "a document or more", received: "none" });
  return { items, digest: artifact.digest };
}
