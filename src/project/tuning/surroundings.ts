/** What the stages of tuning need of a project: its device and folder, how models' files say their text, how a teacher behind an endpoint is reached. */
import { join } from "node:path";
import { environment, isLoamError, type LoamError } from "../../base/index.ts";
import { workFolder } from "../../store/index.ts";
import type { Device } from "../../tensor/index.ts";
import type { KindSurroundings, LaunchTuning } from "../../tune/index.ts";
import { projectErrors } from "../errors.ts";
import { modelText } from "../models/model-text.ts";
import { quantisedParameters } from "../models/quantised.ts";
import { eightBits } from "../models/quantised-encoder.ts";
import type { ProjectFile } from "../project-file.ts";
import { poolingOf, saysVectors } from "../serving/read-encoder.ts";
import { baseText, writeTuned } from "./base-text.ts";
import { encoderText, writeEncoder } from "./encoder-text.ts";

/** What differs from run to run. */
export interface TuningRun {
  readonly device: () => Device;
  readonly onProblem: (problem: LoamError) => void;
  /** Trains recipes with a mesh. Absent where no processes can be started: they are refused. */
  readonly launch?: LaunchTuning | undefined;
  /** `launch` trains recipes without a mesh too, on one rank. */
  readonly launchesOne?: boolean | undefined;
}

/** The form that the proof of the merge of a model that writes quantises to. */
const form = "int8";
const quantised: NonNullable<KindSurroundings["quantised"]> = {
  form,
  async of(config, parameters, { tokenizer }, device) {
    try {
      return await quantisedParameters({ config, parameters, tokenizer }, device, form);
    } catch (error) {
      // a width that blocks do not divide: the model is tuned all the same, and never served in this form
      if (!isLoamError(error, "nn/config")) throw error;
      return undefined;
    }
  },
};

/** How models' files say what tuning needs: the same in every project. */
export const fileSurroundings = {
  tokenizerOf: async (model: Parameters<typeof modelText>[0]) => (await modelText(model)).tokenizer,
  poolingOf: async base => ((await saysVectors(base)) && (await poolingOf(base)) === "cls" ? "first" : "mean"),
  served: eightBits,
  encoderOf: encoderText,
  writeEncoder,
  textOf: baseText,
  writeModel: writeTuned,
  quantised,
} as const satisfies Partial<KindSurroundings>;

/** Errors, when a teacher is asked: project/argument for a key that is not set. */
export const surroundingsOf = (p: ProjectFile, run: TuningRun): KindSurroundings => ({
  ...fileSurroundings,
  ...run,
  folder: p.folder,
  eventsFolder: join(p.folder, ".loam", "tensorboard"),
  holdsOutOwn(dataSet) {
    const split = p.config.data[dataSet]?.split;
    return split !== undefined && typeof split.heldOut !== "number";
  },
  reach: (model, { key, concurrency, requestsPerMinute }) => ({
    // beside those of evaluations
    answersFolder: workFolder(p.folder, "teachers", p.config.store.encrypt),
    connection() {
      const value = key === undefined ? undefined : environment()[key];
      if (key !== undefined && !value)
        throw projectErrors.fail("argument", {
          place: `models.${model}.tune.teacher.key`,
          expected: `the teacher's key in the variable ${key}`,
          received: "none",
          hint: `export ${key}=...`,
        });
      return { key: value, concurrency, requestsPerMinute };
    },
  }),
});
