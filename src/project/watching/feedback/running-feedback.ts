/** Feedback of a server or gateway that runs: written into the record every some seconds, and once more at the end. */
import type { Store } from "../../../store/index.ts";
import type { FeedbackConfig } from "../../../watch/part.ts";
import { type Feedback, openFeedback } from "./open-feedback.ts";

export interface RunningFeedback extends Feedback {
  close(): Promise<void>;
}

/** So long a request is known to its own server alone; its labels that come to another one wait in the record. */
const flushMs = 10_000;

/** Undefined where the record cannot be written. */
export function runFeedback(
  store: Store,
  config: FeedbackConfig | undefined,
  warn: (message: string) => void,
): RunningFeedback | undefined {
  if (store.isReadOnly) return undefined;
  const feedback = openFeedback({ store, config });
  let isFailing = false;
  const flush = async (): Promise<void> => {
    try {
      await feedback.flush();
      isFailing = false;
    } catch (error) {
      // said once, not at each of many
      if (!isFailing) warn(`loam: requests are not remembered for feedback: ${error instanceof Error ? error.message : String(error)}`);
      isFailing = true;
    }
  };
  const timer = setInterval(() => void flush(), flushMs);
  timer.unref();
  return {
    ...feedback,
    close: async () => {
      clearInterval(timer);
      await flush();
    },
  };
}
