/** A group's result in the record: which results of which tasks, and what is told of them. Releases read it; the figures are those of the items. */
import { z } from "zod";
import { defined } from "../../base/index.ts";
import type { GroupHead } from "../../evaluate/index.ts";
import { type ArtifactReader, openArtifact, runStage, type Stage, type Store, stage } from "../../store/index.ts";
import { inPlace } from "./in-place.ts";
import type { RecordedResult } from "./record.ts";

const options = z.strictObject({
  group: z.string(),
  tasks: z.array(z.string()),
  measures: z.array(
    z.strictObject({ metric: z.string(), filter: z.string().optional(), isWeighted: z.boolean(), tasks: z.array(z.string()) }),
  ),
  /** The group's result that stood in its place when it was told again. */
  since: z.string().optional(),
});
/** Raise it when the file says something else. */
const version = 1;
const groupFile = "group.json";

interface GroupRecording {
  readonly store: Store;
  /** The artifact of the model. */
  readonly model: string;
  readonly head: GroupHead;
  /** Of each of its tasks. */
  readonly results: readonly RecordedResult[];
}

/** Records what was evaluated, or finds it; the artifact's id. Errors: those of the record. */
export async function recordedGroup({ store, model, head, results }: GroupRecording): Promise<string> {
  const { task: group, members, measures } = head;
  const tasks = members.map(({ task }) => ({ task, result: results.find(r => r.head.task === task)!.artifact }));
  const own = await openArtifact(store, model);
  const inputs: Record<string, ArtifactReader> = { model: own };
  for (const { task, result } of tasks) inputs[`result ${task}`] = await openArtifact(store, result);
  const groupStage: Stage<string, typeof options> = stage<string, typeof options>({
    name: "eval-group",
    version,
    inputs: { model: "model", ...Object.fromEntries(tasks.map(({ task }) => [`result ${task}`, "task-result"])) },
    options,
    output: "group-result",
    async run({ output }) {
      await output.write(groupFile, `${JSON.stringify({ format: 1, group, tasks, measures })}\n`);
      return { group, tasks: tasks.length };
    },
  });
  const asked = { group, tasks: members.map(m => m.task), measures: measures.map(m => ({ ...m, tasks: [...m.tasks] })) };
  const { since } = await inPlace(
    store,
    own,
    groupStage.output,
    asked,
    other => (other.options as { readonly group?: unknown }).group === group,
    other => other.stage.version === version && other.inputs.every(i => inputs[i.name]?.digest === i.digest),
  );
  const { artifact } = await runStage(store, groupStage, { inputs, options: { ...asked, ...defined({ since }) } });
  return artifact.id;
}
