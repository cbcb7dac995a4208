/** The child's side of a fine-tuning job: reads its files as its base would learn them, or runs the links that `loam tune` would run. */
import { checkModelFiles } from "../../nn/index.ts";
import { openArtifact, readRunData, registerVersion, resolveVersion, type Store } from "../../store/index.ts";
import { metricsFile, readMetrics } from "../../train/index.ts";
import {
  checkJobFiles,
  checkpointLink,
  checkpointName,
  type JobFolder,
  type JobRecord,
  type JobWork,
  type StepTold,
  type WorkEvent,
} from "../../tune/index.ts";
import { tunedModel } from "../../tune/part.ts";
import { type Link, lazyDevice, link, runLink } from "../life.ts";
import type { ProjectFile } from "../project-file.ts";
import { baseLink } from "../tuning/base-link.ts";
import { baseText } from "../tuning/base-text.ts";
import { surroundingsOf, tuneLinks } from "../tuning/index.ts";

interface JobWorkGiven {
  readonly signal: AbortSignal;
  /** What the server is to know. */
  readonly tell: (event: WorkEvent) => void;
  readonly warn: (message: string) => void;
  readonly project: ProjectFile;
  readonly store: Store;
  readonly folder: JobFolder;
  readonly record: JobRecord;
}

async function baseOf(store: Store, base: string) {
  const [name = "", which] = base.split("@");
  return openArtifact(store, (await resolveVersion(store.records.read, name, which)).artifact);
}

async function check({ tell, store, folder, record }: JobWorkGiven): Promise<void> {
  const base = await baseOf(store, record.base);
  const { model } = await checkModelFiles(base);
  const { type } = record.job.method;
  const checked = await checkJobFiles(folder.of(record.job.id), { type, text: await baseText(base), context: model.config.context });
  tell({ event: "checked", ...checked });
}

const aroundOf = ({ warn, project }: JobWorkGiven) => ({
  device: lazyDevice(project),
  onProblem: (p: Error) => warn(`loam: ${p.message}`),
});

function linksOf(given: JobWorkGiven): Link[] {
  const { project, record } = given;
  const { base, name, tune } = record;
  const model = tunedModel.parse({ base, tune });
  return [baseLink(base, `${name}.base`), ...tuneLinks(project, name, model, aroundOf(given))];
}

async function train(given: JobWorkGiven): Promise<void> {
  const { signal, tell, store, record } = given;
  const made = new Map();
  for (const each of linksOf(given)) {
    signal.throwIfAborted();
    const { artifact } = await runLink(store, each, made, {
      signal,
      progress: ({ values, leftMs = 0 }) => {
        // what tuning measures at a step, by these names
        if (values?.step !== undefined) tell({ event: "step", ...(values as unknown as Omit<StepTold, "leftMs">), leftMs });
      },
    });
    made.set(each.label, artifact);
  }
  const model = made.get(record.name)!;
  const { summary } = model;
  const chosen = Number(summary.bestStep ?? summary.steps);
  const checkpoints = [];
  for (const step of (summary.checkpoints ?? []) as readonly number[]) {
    if (step === chosen) continue;
    signal.throwIfAborted();
    const name = checkpointName(record.name, step);
    const kept = link(checkpointLink(name, record.base, record.name, step, surroundingsOf(given.project, aroundOf(given))));
    const { artifact } = await runLink(store, kept, made, { signal, progress: () => {} });
    checkpoints.push({ step, name, version: (await registerVersion(store, name, artifact.id, {})).number });
  }
  const scores = typeof summary.validationLoss === "number" ? { validationLoss: summary.validationLoss } : {};
  const { number } = await registerVersion(store, record.name, model.id, scores);
  const epochs = record.job.hyperparameters.n_epochs;
  tell({
    event: "trained",
    version: number,
    step: chosen,
    checkpoints,
    validationLoss: scores.validationLoss ?? null,
    trainedTokens: Math.round(Number(summary.trainedTokens) * Number(epochs)),
    points: readMetrics((await readRunData(store, model, metricsFile)) ?? ""),
  });
}

const works: { readonly [W in JobWork]: (given: JobWorkGiven) => Promise<void> } = { check, train };

/** Does a part of a job. Errors: those of its stages; base/interrupted when it is stopped, with a checkpoint written. */
export const workOnJob = (work: JobWork, given: JobWorkGiven): Promise<void> => works[work](given);
