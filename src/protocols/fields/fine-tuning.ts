/** POST /v1/fine_tuning/jobs. Read beside: OpenAI's SDK (`JobCreateParams`). */
import { always, done, notEmpty, type RequestFields, refused } from "./field.ts";

const methods = "Methods are supervised and dpo.";

export const fineTuningFields: RequestFields = {
  request: "POST /v1/fine_tuning/jobs",
  fields: {
    model: done("openai"),
    training_file: done("openai"),
    validation_file: done("openai"),
    suffix: done("openai"),
    seed: done("openai"),
    hyperparameters: done("openai"),
    metadata: done("openai"),
    method: done("openai", {
      type: refused("openai", v => v === "reinforcement", methods),
      supervised: done("openai"),
      dpo: done("openai"),
      reinforcement: refused("openai", always, methods),
    }),
    integrations: refused(
      "openai",
      notEmpty,
      "The job's events and its result file hold every step's numbers, and the project's .loam/tensorboard has them for TensorBoard.",
    ),
  },
};
