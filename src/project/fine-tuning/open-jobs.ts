/** The fine-tuning jobs of a project's server: what they are made from, who trains them, and how a result comes among the served models. */
import { join } from "node:path";
import { isLoamError } from "../../base/index.ts";
import { checkModelFiles } from "../../nn/index.ts";
import { type Fleet, type KeepFile, serveErrors } from "../../serve/index.ts";
import type { FineTuningPart } from "../../serve/part.ts";
import { openArtifact, resolveVersion, type Store } from "../../store/index.ts";
import { TuneJobs } from "../../tune/index.ts";
import type { ProjectFile } from "../project-file.ts";
import { launchIn } from "./launch.ts";
import { removeModel } from "./remove-model.ts";

/** From a project's folder. */
export const jobsFolder = ".loam/fine-tuning";

const defaults: FineTuningPart = { parallel: 1, checkpointSeconds: 30, checkpoints: 3 };

/** The version that a model's name means. Errors: serve/unknownModel, serve/unsupported for what cannot be tuned so. */
async function baseOf(store: Store, model: string): Promise<string> {
  const [name = "", which = "latest"] = model.split("@");
  const version = await resolveVersion(store.records.read, name, which).catch((error: unknown) => {
    if (!isLoamError(error, "store/notFound")) throw error;
    const hint = "`loam models` lists them; `loam models import` brings one in.";
    throw serveErrors.fail(
      "unknownModel",
      { place: "model", expected: "a model of the project's record", received: JSON.stringify(model.slice(0, 100)), hint },
      error,
    );
  });
  const refuse = (received: string) =>
    serveErrors.fail("unsupported", { place: "model", expected: "a model that continues texts", received: `${model}, ${received}` });
  const artifact = await openArtifact(store, version.artifact);
  if (artifact.kind === "adapter") throw refuse("which is an adapter");
  const { model: found } = await checkModelFiles(artifact);
  if (found.family !== "decoder") throw refuse(`of the family ${found.family}`);
  if (found.config.classifier) throw refuse("which tells classes");
  return `${version.model}@${version.number}`;
}

interface JobsGiven {
  readonly project: ProjectFile;
  readonly store: Store;
  readonly fleet: Fleet;
  readonly keep: KeepFile;
  readonly onFailure: (error: unknown, place: string) => void;
}

/** The jobs as they were left; `start` makes them go on. */
export function openJobs({ project, store, fleet, keep, onFailure }: JobsGiven): TuneJobs {
  const { parallel, checkpointSeconds, checkpoints } = project.config.serve?.fineTuning ?? defaults;
  return new TuneJobs({
    folder: join(project.folder, jobsFolder),
    shown: jobsFolder,
    launch: launchIn(project.folder),
    baseOf: model => baseOf(store, model),
    keepFile: keep,
    async serve(name, version, urgent) {
      // as one that sleeps it never makes the server unready: requests for it wait until it is awake
      fleet.offer(name, version);
      if (urgent) await fleet.load(name, version);
    },
    remove: (name, version) => removeModel(store, fleet, name, version),
    now: () => Date.now(),
    parallel,
    checkpointSeconds,
    checkpoints,
    onFailure,
  });
}
