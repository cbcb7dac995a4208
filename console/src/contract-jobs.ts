/** Fine-tuning jobs as OpenAI's API answers them, as schemas; see `contract.ts`. Times are seconds since 1970. */
import * as is from "./shape.ts";

export const jobStatuses = ["validating_files", "queued", "running", "paused", "succeeded", "failed", "cancelled"] as const;
export type JobStatus = (typeof jobStatuses)[number];

export const job = is.object({
  id: is.string,
  model: is.string,
  fine_tuned_model: is.nullable(is.string),
  status: is.oneOf(...jobStatuses),
  created_at: is.number,
  finished_at: is.nullable(is.number),
  estimated_finish: is.nullable(is.number),
  trained_tokens: is.nullable(is.number),
  seed: is.number,
  method: is.object({ type: is.string }),
  error: is.nullable(is.object({ code: is.string, message: is.string })),
});
export const jobs = is.object({ data: is.array(job) });

const event = is.object({
  id: is.string,
  created_at: is.number,
  level: is.string,
  message: is.string,
  type: is.string,
  /** Of a step: its number and what was measured. */
  data: is.record(is.unknown),
});
export const events = is.object({ data: is.array(event) });

export const checkpoints = is.object({
  data: is.array(
    is.object({
      id: is.string,
      step_number: is.number,
      fine_tuned_model_checkpoint: is.string,
      metrics: is.record(is.number),
    }),
  ),
});

export type Job = is.Infer<typeof job>;
export type JobEvent = is.Infer<typeof event>;
export type Checkpoint = is.Infer<typeof checkpoints>["data"][number];
