/** Verdicts in the record: what a judge said of two results of one task is an artifact of all three, so it is asked once. */
import { z } from "zod";
import { defined, hashOf, type Progress } from "../../base/index.ts";
import {
  type EvaluatedModel,
  type JudgedItem,
  type JudgeSummary,
  judgePairs,
  judgeRuleOf,
  judgeSummary,
  keptAnswers,
  type LoadedTask,
  rememberedAnswers,
} from "../../evaluate/index.ts";
import { runStage, type Store, stage } from "../../store/index.ts";
import type { RecordedResult } from "./record.ts";

const options = z.strictObject({
  task: z.string(),
  /** What is judged, by whom, and by which rule. */
  digest: z.string(),
  rule: z.string(),
  judge: z.string(),
  first: z.string(),
  second: z.string(),
});
/** Raise it when the same answers would be asked or read in another way. */
const version = 1;
const itemsFile = "judged.jsonl";

export interface RecordedJudgement {
  readonly judge: string;
  readonly artifact: string;
  readonly isKnown: boolean;
  readonly summary: JudgeSummary;
  readonly items: readonly JudgedItem[];
}

interface Judging {
  readonly store: Store;
  readonly judge: EvaluatedModel;
  readonly loaded: LoadedTask;
  readonly first: RecordedResult;
  readonly second: RecordedResult;
  readonly fresh?: boolean;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

/** Judges, or finds what was judged. Errors: those of the task, the judge and the record; the signal's reason. */
export async function recordedJudgement(o: Judging): Promise<RecordedJudgement> {
  const { store, judge, loaded, first, second } = o;
  const judging = stage({
    name: "judge",
    version,
    inputs: {},
    options,
    output: "judgement",
    async run({ output, progress, signal }) {
      const answers = o.fresh ? rememberedAnswers() : keptAnswers(store.workFolder("answers"), judge);
      const items = await judgePairs({ loaded, first: first.items, second: second.items, judge, answers, progress, signal });
      await output.writeStream(
        itemsFile,
        items.map(i => `${JSON.stringify(i)}\n`),
      );
      return { task: loaded.task.task, judge: judge.id, items: items.length };
    },
  });
  const { artifact, action } = await runStage(store, judging, {
    inputs: {},
    options: {
      task: loaded.task.task,
      digest: loaded.digest,
      rule: hashOf(judgeRuleOf(loaded)),
      judge: judge.fingerprint,
      first: first.artifact,
      second: second.artifact,
    },
    ...(o.fresh ? { force: true } : {}),
    ...defined({ progress: o.progress, signal: o.signal }),
  });
  const items = (await artifact.read(itemsFile))
    .toString("utf8")
    .split("\n")
    .filter(Boolean)
    .map(line => JSON.parse(line) as JudgedItem);
  return { judge: judge.id, artifact: artifact.id, isKnown: action === "reused", summary: judgeSummary(items), items };
}
