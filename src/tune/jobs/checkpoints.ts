/**
 * What is told of a job's checkpoints, as OpenAI writes them: the newest ends of epochs, and the values that were chosen. OpenAI's `valid_*` are of a
 * batch and `full_valid_*` of the file; here both are of the file.
 */
import type { MetricPoint } from "../../train/index.ts";
import type { JobCheckpoint } from "./job.ts";
import type { TrainedTold } from "./worker.ts";

/** Those that were measured, under the names of the API. */
function metricsOf(step: number, p: MetricPoint | undefined, validationLoss: number | undefined): Record<string, number> {
  const measured = {
    train_loss: p?.loss,
    train_mean_token_accuracy: p?.tokenAccuracy,
    valid_loss: validationLoss,
    valid_mean_token_accuracy: p?.heldOutTokenAccuracy,
    full_valid_loss: validationLoss,
    full_valid_mean_token_accuracy: p?.heldOutTokenAccuracy,
  };
  return { step, ...(Object.fromEntries(Object.entries(measured).filter(([, x]) => x !== undefined)) as Record<string, number>) };
}

/** Oldest first. `name` is the result's, `created` seconds since 1970. */
export function checkpointsOf(id: string, name: string, created: number, told: TrainedTold): JobCheckpoint[] {
  const chosen = { step: told.step, name, version: told.version };
  const all = [...told.checkpoints.filter(c => c.step !== told.step), chosen].sort((a, b) => a.step - b.step);
  return all.map(c => {
    const point = told.points.find(p => p.step === c.step);
    const loss = point?.heldOut ?? (c === chosen ? (told.validationLoss ?? undefined) : undefined);
    return {
      id: `ftckpt-${id.slice("ftjob-".length)}-${c.step}`,
      object: "fine_tuning.job.checkpoint",
      created_at: created,
      fine_tuned_model_checkpoint: `${c.name}@${c.version}`,
      fine_tuning_job_id: id,
      step_number: c.step,
      metrics: metricsOf(c.step, point, loss),
    };
  });
}

/** Every version that a job made: name and number. */
export const versionsOf = (checkpoints: readonly JobCheckpoint[]): (readonly [name: string, version: number])[] =>
  checkpoints.map(({ fine_tuned_model_checkpoint: asked }) => {
    const at = asked.lastIndexOf("@");
    return [asked.slice(0, at), Number(asked.slice(at + 1))] as const;
  });
