/**
 * Results in the record: what a model answered to a task's items is an artifact of both, so a task that was evaluated before is found, and every later
 * comparison reads items instead of asking again.
 */
import { z } from "zod";
import { defined, hashOf, type Progress } from "../../base/index.ts";
import {
  type EvaluatedModel,
  evaluateTask,
  headOf,
  type ItemResult,
  itemTexts,
  keptAnswers,
  type LoadedTask,
  parseResults,
  type ResultHead,
  type ResultTimes,
  rememberedAnswers,
  resultTimes,
  resultTimesFile,
  type TaskItem,
} from "../../evaluate/index.ts";
import {
  type ArtifactReader,
  openArtifact,
  runDataOf,
  runStage,
  type Stage,
  type Store,
  stage,
  testSetOf,
  writeLook,
} from "../../store/index.ts";
import { inPlace } from "./in-place.ts";

const options = z.strictObject({
  task: z.string(),
  /** What is asked: task and items. */
  digest: z.string(),
  /** Who is asked. */
  model: z.string(),
  variant: z.string().optional(),
  /** Of `paraphrase`: the other words. */
  wordings: z.string().optional(),
  /** Hash of what exact matches pass over, which is no part of what is asked. */
  match: z.string().optional(),
  /** Of a classifier with thresholds by group: the field of the items that has the group. */
  groups: z.string().optional(),
  /** The result of the task that stood in its place when it was told again. */
  since: z.string().optional(),
});

/** Raise it when the same answers would be read or measured in another way. */
const version = 3;
const resultKind = "task-result";
export const choosingKind = "choosing-result";
const itemsFile = "items.jsonl";
const headFile = "result.json";

export interface RecordedResult {
  readonly artifact: string;
  readonly head: ResultHead;
  readonly items: readonly ItemResult[];
  /** It was in the record already. */
  readonly isKnown: boolean;
  /** Items whose answers were kept from an earlier attempt. */
  readonly kept: number;
  /** Milliseconds of asking. */
  readonly ms: number;
}

/** Another way to ask about the items. */
export interface Variation {
  readonly name: string;
  /** Undefined leaves the item out. */
  readonly change: (item: TaskItem) => TaskItem | undefined;
  /** Hash of what the change does beyond its name. */
  readonly wordings?: string;
}

export interface Asking {
  readonly store: Store;
  readonly model: EvaluatedModel;
  readonly loaded: LoadedTask;
  readonly variant?: Variation | undefined;
  /** What it is recorded as: the task's result, or one of the items that choose a threshold, which is none. */
  readonly kind?: typeof resultKind | typeof choosingKind;
  /** Asks again what is known. */
  readonly fresh?: boolean;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

async function readResult(artifact: ArtifactReader, loaded: LoadedTask, isKnown: boolean, times: ResultTimes): Promise<RecordedResult> {
  const items = parseResults((await artifact.read(itemsFile)).toString("utf8"), `${artifact.id}/${itemsFile}`, times.items);
  const { kept, ms } = times;
  return { artifact: artifact.id, head: headOf(loaded.task), items, isKnown, kept, ms };
}

const isOfTask = (options: unknown, task: string): boolean => {
  const of = options as { readonly task?: unknown; readonly variant?: unknown };
  return of.task === task && of.variant === undefined;
};

/** Where answers are kept until their task is whole, and for other tasks that ask the same. */
const answersFolder = (store: Store): string => store.workFolder("answers");

/** Evaluates, or finds what was evaluated. Errors: those of the task, the model and the record, evaluate/score of one with what is no number; the signal's reason. */
export async function recordedResult(o: Asking): Promise<RecordedResult> {
  const { store, model, loaded, variant } = o;
  const input = model.artifact === undefined ? undefined : await openArtifact(store, model.artifact);
  const inputs: Record<string, ArtifactReader> = input ? { model: input } : {};
  const asked = {
    task: loaded.task.task,
    digest: loaded.digest,
    model: model.fingerprint,
    ...(variant ? { variant: variant.name } : {}),
    ...defined({ wordings: variant?.wordings }),
    ...defined({ groups: model.groupAttribute }),
    ...(loaded.task.match ? { match: hashOf(loaded.task.match) } : {}),
  };
  const kind = o.kind ?? resultKind;
  // another prompt is another candidate, unless the model classifies texts without one
  const scored = input?.digest ?? model.fingerprint;
  const candidate = model.classify && !model.likelihood ? scored : `${scored} ${loaded.digest}`;
  // variants are read beside the result of the same digest, and what chose a threshold is no result
  const { since, found } =
    input && !variant && kind === resultKind
      ? await inPlace(
          store,
          input,
          kind,
          asked,
          other => isOfTask(other.options, asked.task),
          other => other.stage.version === version,
        )
      : {};
  const again = found && !o.fresh ? await openArtifact(store, found.id) : undefined;
  const before = again ? await runDataOf(store, again.id) : new Map<string, string>();
  /** Of this run, which may repeat what an earlier one made. */
  let own: ResultTimes | undefined;
  const evalStage: Stage<string, typeof options> = stage<string, typeof options>({
    name: "eval",
    version,
    inputs: input ? { model: "model" } : {},
    options,
    output: kind,
    async run({ output, runData, progress, signal }) {
      if (again) {
        for (const file of [itemsFile, headFile]) await output.write(file, await again.read(file));
        for (const [name, text] of before) if (name === resultTimesFile) runData.write(name, text);
        return again.summary;
      }
      const kept = o.fresh ? rememberedAnswers() : keptAnswers(answersFolder(store), model);
      const { items, known, ms } = await evaluateTask({
        loaded,
        model,
        answers: kept,
        ...(variant ? { change: variant.change } : {}),
        progress,
        signal,
      });
      await output.writeStream(
        itemsFile,
        items.map(({ ms: _, ...i }) => `${JSON.stringify(i)}\n`),
      );
      own = { ms, kept: known, items: items.map(i => (Number.isFinite(i.ms) ? i.ms : null)) };
      runData.write(resultTimesFile, JSON.stringify(own));
      if (!variant && kind === resultKind) writeLook(runData, { kind: "evaluation", test: testSetOf(itemTexts(loaded)), candidate });
      const { costs: _, ...head } = headOf(loaded.task);
      await output.write(
        headFile,
        `${JSON.stringify({ format: 1, ...head, model: { id: model.id, fingerprint: model.fingerprint }, items: items.length })}\n`,
      );
      return { task: loaded.task.task, model: model.id, items: items.length, ...(variant ? { variant: variant.name } : {}) };
    },
  });
  const { artifact, action } = await runStage(store, evalStage, {
    inputs,
    options: { ...asked, ...defined({ since }) },
    ...(o.fresh ? { force: true } : {}),
    ...defined({ progress: o.progress, signal: o.signal }),
  });
  const isKnown = action === "reused" || again !== undefined;
  return readResult(artifact, loaded, isKnown, own ?? (await resultTimes(store, artifact)));
}
