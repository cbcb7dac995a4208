/** Examples of the requests that an alarm is about: of its version, from its beginning to its end. */
import type { Store } from "../../../store/index.ts";
import { projectErrors } from "../../errors.ts";
import { watchedAlarms } from "../live/index.ts";
import { type RequestSample, readSamples } from "./sample-record.ts";

export interface SampleQuestion {
  /** A version (`mail@3`) or a name; default: all. */
  readonly model?: string | undefined;
  /** Id of an alarm: examples of its version while it lasted. */
  readonly alarm?: string | undefined;
  /** The newest so many (default: 50). */
  readonly limit?: number | undefined;
}

/** The newest first. Errors: project/argument for an unknown alarm. */
export async function watchedSamples(store: Store, { model, alarm, limit }: SampleQuestion = {}): Promise<RequestSample[]> {
  if (alarm === undefined) return readSamples(store, { model, limit });
  const found = (await watchedAlarms(store)).find(a => a.id === alarm);
  if (!found)
    throw projectErrors.fail("argument", {
      place: "alarm",
      expected: "the id of an alarm",
      received: JSON.stringify(alarm.slice(0, 100)),
      hint: "List them: loam watch alarms.",
    });
  return readSamples(store, {
    model: found.model ?? model,
    fromMs: found.since,
    ...(found.endedAt === null ? {} : { toMs: found.endedAt }),
    limit,
  });
}
