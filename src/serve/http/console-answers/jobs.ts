/** Fine-tuning jobs as OpenAI's API has them; times are seconds since 1970. */
import { z } from "zod";

const jobStatus = z.enum(["validating_files", "queued", "running", "paused", "succeeded", "failed", "cancelled"]).meta({ id: "JobStatus" });

const seconds = z.number().describe("seconds since 1970");
const auto = z.union([z.number(), z.literal("auto")]);
const hyperparameters = z.strictObject({ n_epochs: auto, batch_size: auto, learning_rate_multiplier: auto, beta: auto.optional() });
const page = { object: z.literal("list"), first_id: z.string().nullable(), last_id: z.string().nullable(), has_more: z.boolean() };

export const job = z
  .strictObject({
    id: z.string(),
    object: z.literal("fine_tuning.job"),
    created_at: seconds,
    finished_at: seconds.nullable(),
    estimated_finish: seconds.nullable(),
    model: z.string(),
    fine_tuned_model: z.string().nullable(),
    organization_id: z.string(),
    status: jobStatus,
    error: z.strictObject({ code: z.string(), message: z.string(), param: z.string().nullable() }).nullable(),
    training_file: z.string(),
    validation_file: z.string().nullable(),
    result_files: z.array(z.string()),
    trained_tokens: z.int().nullable(),
    seed: z.int(),
    method: z.object({ type: z.string() }),
    hyperparameters,
    integrations: z.array(z.unknown()),
    metadata: z.record(z.string(), z.string()).nullable(),
  })
  .meta({ id: "Job" });
export const jobList = z.strictObject({ ...page, data: z.array(job) }).meta({ id: "JobList" });

const jobEvent = z
  .strictObject({
    id: z.string(),
    object: z.literal("fine_tuning.job.event"),
    created_at: seconds,
    level: z.string(),
    message: z.string(),
    type: z.string(),
    data: z.record(z.string(), z.unknown()).describe("of a step: its number and the metrics"),
  })
  .meta({ id: "JobEvent" });
export const jobEvents = z.strictObject({ ...page, data: z.array(jobEvent) }).meta({ id: "JobEvents" });

const checkpoint = z
  .strictObject({
    id: z.string(),
    object: z.literal("fine_tuning.job.checkpoint"),
    created_at: seconds,
    fine_tuned_model_checkpoint: z.string(),
    fine_tuning_job_id: z.string(),
    step_number: z.int(),
    metrics: z.record(z.string(), z.number()),
  })
  .meta({ id: "Checkpoint" });
export const checkpoints = z.strictObject({ ...page, data: z.array(checkpoint) }).meta({ id: "Checkpoints" });
