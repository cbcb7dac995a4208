/** Fine-tuning jobs as OpenAI's API answers them, as schemas; see `contract.ts`. Times are seconds since 1970. */
import * as z from "zod/mini";

export const jobStatuses = ["validating_files", "queued", "running", "paused", "succeeded", "failed", "cancelled"] as const;
export type JobStatus = (typeof jobStatuses)[number];

export const job = z.object({
  id: z.string(),
  model: z.string(),
  fine_tuned_model: z.nullable(z.string()),
  status: z.enum(jobStatuses),
  created_at: z.number(),
  finished_at: z.nullable(z.number()),
  estimated_finish: z.nullable(z.number()),
  trained_tokens: z.nullable(z.number()),
  seed: z.number(),
  method: z.object({ type: z.string() }),
  error: z.nullable(z.object({ code: z.string(), message: z.string() })),
});
export const jobs = z.object({ data: z.array(job) });

const event = z.object({
  id: z.string(),
  created_at: z.number(),
  level: z.string(),
  message: z.string(),
  type: z.string(),
  /** Of a step: its number and what was measured. */
  data: z.record(z.string(), z.unknown()),
});
export const events = z.object({ data: z.array(event) });

export const checkpoints = z.object({
  data: z.array(
    z.object({
      id: z.string(),
      step_number: z.number(),
      fine_tuned_model_checkpoint: z.string(),
      metrics: z.record(z.string(), z.number()),
    }),
  ),
});

export type Job = z.infer<typeof job>;
export type JobEvent = z.infer<typeof event>;
export type Checkpoint = z.infer<typeof checkpoints>["data"][number];
