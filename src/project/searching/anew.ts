/** The model of a trial that is over, made anew where gc has removed it: a verdict may need it long after nothing else did. */
import { isLoamError, type LoamError } from "../../base/index.ts";
import { type ArtifactReader, openArtifact, type StoredTrial, storeErrors } from "../../store/index.ts";
import { outcomeOf } from "../../tune/index.ts";
import { runLink } from "../life.ts";
import { judgesOf, kindOf, type TrialRun } from "./trial.ts";

export interface AnewGiven extends Pick<TrialRun, "project" | "store" | "spec" | "around" | "progress" | "signal"> {
  /** What people are told: it takes as long as the trial did. */
  readonly tell: (text: string) => void;
}

/** What its answers depend on; beside it lie times of the training, which never come twice. */
const weightsOf = ({ files }: ArtifactReader): string =>
  files
    .filter(f => f.name.endsWith(".safetensors"))
    .map(f => f.digest)
    .join();

const cannot = (error: LoamError, trial: number, why: string): LoamError =>
  storeErrors.fail(
    "blobMissing",
    {
      ...error.problem,
      hint: `It is the model of trial ${trial}, and it cannot be rebuilt: ${why} \`loam tune show\` tells what the study found; under a new \`seed\` the search begins another study.`,
    },
    error,
  );

/**
 * Does something with a trial's model; where files of it are gone, once more with the model that the same links make. Errors: store/blobMissing where they
 * make none.
 */
export async function withModelOf<T>(given: AnewGiven, trial: StoredTrial, work: (model: ArtifactReader) => Promise<T>): Promise<T> {
  const { store, spec, progress, signal, tell } = given;
  const known = await openArtifact(store, outcomeOf(trial)!.artifacts.model!);
  try {
    return await work(known);
  } catch (error) {
    if (!isLoamError(error, "store/blobMissing")) throw error;
    tell(`The files of trial ${trial.number}'s model (${known.id}) are gone, and the verdict needs them: it is retrained.`);
    let model: ArtifactReader;
    try {
      const { links, trained } = kindOf(given, trial);
      const made = await judgesOf(store, spec);
      for (const link of links.slice(0, links.indexOf(trained) + 1))
        made.set(link.label, (await runLink(store, link, made, { progress, signal })).artifact);
      model = made.get(trained.label)!;
    } catch (why) {
      signal.throwIfAborted();
      throw isLoamError(why) ? cannot(error, trial.number, why.message) : why;
    }
    if (weightsOf(model) !== weightsOf(known))
      tell(`It comes out as ${model.id}, of other weights than those that its trial was chosen by: the verdict is about these.`);
    return work(model);
  }
}
