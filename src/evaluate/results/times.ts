/** How long a task's answers took: run data of its result, since another run of the same recipe takes another time. */
import { z } from "zod";
import { type ArtifactReader, readRunData, type Store } from "../../store/index.ts";

export const resultTimesFile = "result-times.json";

const times = z.object({
  /** Of asking, milliseconds. */
  ms: z.number(),
  /** Items whose answers were kept from an earlier attempt. */
  kept: z.number(),
  /** Of each item, in the items' order; null where none was taken. */
  items: z.array(z.number().nullable()).default([]),
});
export type ResultTimes = z.output<typeof times>;

/** Results that were recorded before say their times themselves: the head its own, every item its own. */
export async function resultTimes(store: Store, artifact: Pick<ArtifactReader, "id" | "files" | "read">): Promise<ResultTimes> {
  const text = (await readRunData(store, artifact, resultTimesFile)) ?? (await artifact.read("result.json")).toString("utf8");
  return times.safeParse(JSON.parse(text)).data ?? { ms: 0, kept: 0, items: [] };
}
