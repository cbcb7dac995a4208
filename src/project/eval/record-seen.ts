/**
 * Which of a result's items the training data holds, in the record: found when a task is asked, and kept beside the result, so
 * that pages tell it without the task's file.
 */
import { z } from "zod";
import { defined } from "../../base/index.ts";
import { openArtifact, runStage, type Store, stage } from "../../store/index.ts";
import type { SeenItems } from "./contaminated.ts";

const options = z.strictObject({
  task: z.string(),
  /** The artifact of the result, whose items' order this is in. */
  result: z.string(),
  /** Data sets, and the sets in their recipes, that items were looked for in. */
  checks: z.array(z.strictObject({ data: z.string(), set: z.string(), of: z.string().optional() })),
  unchecked: z.array(z.string()),
});
/** Raise it when the file says something else. */
const version = 2;

interface SeenRecording {
  readonly store: Store;
  /** The artifact of the model. */
  readonly model: string;
  readonly task: string;
  /** The artifact of the result. */
  readonly result: string;
  readonly seen: SeenItems;
}

/** Records what was seen, or finds it; the artifact's id. Errors: those of the record. */
export async function recordedSeen({ store, model, task, result, seen }: SeenRecording): Promise<string> {
  const { checks, unchecked, cleanness } = seen;
  const seenStage = stage({
    name: "eval-seen",
    version,
    inputs: { model: "model", result: "task-result" },
    options,
    output: "seen-items",
    async run({ output }) {
      await output.write("seen.json", `${JSON.stringify({ format: 1, checks, unchecked, cleanness })}\n`);
      return { task, clean: cleanness.filter(c => c === "clean").length, contaminated: cleanness.filter(c => c === "contaminated").length };
    },
  });
  const { artifact } = await runStage(store, seenStage, {
    inputs: { model: await openArtifact(store, model), result: await openArtifact(store, result) },
    options: {
      task,
      result,
      checks: checks.map(({ data, set, of }) => ({ data, set, ...defined({ of }) })),
      unchecked: [...unchecked],
    },
  });
  return artifact.id;
}
