/** The held-out side of a data set as the test set that it is, whatever it is called. */
import { type ArtifactReader, type TestSet, testSetOf } from "../store/index.ts";
import { documentsOf } from "./stage.ts";

export async function heldOutSet(documents: ArtifactReader): Promise<TestSet> {
  const texts: string[] = [];
  for await (const { text } of documentsOf(documents, "held-out")) texts.push(text);
  return testSetOf(texts);
}
