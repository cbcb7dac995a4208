/** A finished search's judgement on its test half is a look at that test set; judgements on the validation half, by which trials are chosen, are none. */
import { type ArtifactReader, type RunDataWriter, type TestSet, writeLook } from "../../store/index.ts";
import type { Half } from "./halves.ts";

export async function lookOfHalf(
  runData: RunDataWriter,
  half: Half,
  model: Pick<ArtifactReader, "digest">,
  testSet: () => TestSet | Promise<TestSet>,
): Promise<void> {
  if (half === "test") writeLook(runData, { kind: "search", test: await testSet(), candidate: model.digest });
}
