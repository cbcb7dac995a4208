/** Looks at a job whose engine may not respond for a while. */
import { isLoamError } from "../base/index.ts";
import type { RunningJob, TaskState } from "./launcher.ts";

/** An engine that does not respond is asked again for so long, ms. */
const usualPatienceMs = 60_000;

export type PatientStates = (running: RunningJob) => Promise<ReadonlyMap<number, TaskState> | undefined>;

/** States of a job's tasks; undefined where the engine does not respond for the moment. Errors: launch/engine after `patienceMs`. */
export function patientStates(patienceMs = usualPatienceMs): PatientStates {
  let silentSinceMs: number | undefined;
  return async running => {
    try {
      const states = await running.tasks();
      silentSinceMs = undefined;
      return states;
    } catch (error) {
      if (!isLoamError(error, "launch/engine")) throw error;
      silentSinceMs ??= performance.now();
      if (performance.now() - silentSinceMs > patienceMs) throw error;
      return undefined;
    }
  };
}
