/**
 * What a task's mistakes cost, in the record: the rule, and whose answers choose the threshold. It is no part of a result (other costs ask nobody again), and
 * releases, cards and pages read it beside the result.
 */
import { z } from "zod";
import { defined } from "../../base/index.ts";
import type { CostRule } from "../../evaluate/index.ts";
import { costsKind } from "../../registry/index.ts";
import { type ArtifactReader, openArtifact, runStage, type Stage, type Store, stage } from "../../store/index.ts";
import { inPlace } from "./in-place.ts";

const options = z.strictObject({
  task: z.string(),
  costs: z.strictObject({ positive: z.string(), falsePositive: z.number(), falseNegative: z.number() }),
  /** The one that stood in its place when it was told again. */
  since: z.string().optional(),
});
/** Raise it when the file says something else. */
const version = 1;

interface CostsRecording {
  readonly store: Store;
  /** The artifact of the model. */
  readonly model: string;
  readonly task: string;
  /** The artifacts of the result and of the answers that choose. */
  readonly result: string;
  readonly choosing: string;
  readonly costs: CostRule;
}

/** Records what was told, or finds it; the artifact's id. Errors: those of the record. */
export async function recordedCosts({ store, model, task, result, choosing, costs }: CostsRecording): Promise<string> {
  const own = await openArtifact(store, model);
  const inputs: Record<string, ArtifactReader> = {
    model: own,
    result: await openArtifact(store, result),
    choosing: await openArtifact(store, choosing),
  };
  const { positive, falsePositive, falseNegative } = costs;
  const rule = { positive, falsePositive, falseNegative };
  const costsStage: Stage<string, typeof options> = stage<string, typeof options>({
    name: "eval-costs",
    version,
    inputs: Object.fromEntries(Object.entries(inputs).map(([name, a]) => [name, a.kind])),
    options,
    output: costsKind,
    async run({ output }) {
      await output.write("costs.json", `${JSON.stringify({ format: 1, costs: rule, choosing })}\n`);
      return { task };
    },
  });
  const asked = { task, costs: rule };
  const { since } = await inPlace(
    store,
    own,
    costsKind,
    asked,
    other => (other.options as { readonly task?: unknown }).task === task,
    other => other.stage.version === version && other.inputs.every(i => inputs[i.name]?.digest === i.digest),
  );
  const { artifact } = await runStage(store, costsStage, { inputs, options: { ...asked, ...defined({ since }) } });
  return artifact.id;
}
