/** Monitoring of a project's server, where its file does not turn it off. */

import { defined } from "../../base/index.ts";
import type { GatewayAlarm } from "../../gateway/index.ts";
import type { AppOptions, ResponseObserver } from "../../serve/index.ts";
import type { Store } from "../../store/index.ts";
import type { ProjectFile } from "../project-file.ts";
import { type RunningFeedback, runFeedback } from "../watching/feedback/index.ts";
import { type AlarmNotice, objectiveRules, RunningWatch } from "../watching/live/index.ts";

interface WatchParts {
  /** Without one, only feedback is kept. */
  readonly project: ProjectFile | undefined;
  readonly store: Store | undefined;
  readonly warn: (text: string) => void;
  /** Sends an alarm to the gateway's webhooks. */
  readonly alarm: (alarm: GatewayAlarm) => void;
}

/** As receivers of webhooks get it: names and numbers. */
const alarmEvent = ({ type, alarm }: AlarmNotice): GatewayAlarm => {
  const { id, monitor, kind, model, severity, sinceMs, endedMs, evidence } = alarm;
  const at = (ms: number) => new Date(ms).toISOString();
  return {
    type,
    id,
    data: { alarm: id, monitor, kind, model, severity, since: at(sinceMs), ended: endedMs === null ? null : at(endedMs), evidence },
  };
};

function openWatch({ project, store, warn, alarm }: WatchParts): RunningWatch | undefined {
  if (!project || !store || store.isReadOnly || project.config.watch === false) return undefined;
  const { config } = project;
  return new RunningWatch({
    store,
    settings: project.config.watch,
    objectives: objectiveRules(config.slo),
    project: config.name ?? null,
    warn: text => warn(`loam: ${text}`),
    notify: notice => alarm(alarmEvent(notice)),
  });
}

/** Monitors and feedback of a server, and what its application is given of them. */
export interface Monitoring {
  readonly watch: RunningWatch | undefined;
  readonly feedback: RunningFeedback | undefined;
  readonly app: Pick<AppOptions, "responses" | "watchFigures" | "feedback">;
  close(): Promise<void>;
}

/** Nothing of it where `watch: false` says so, or where the record is only read. */
export function openMonitoring(parts: WatchParts): Monitoring {
  const { project, store, warn } = parts;
  const watch = openWatch(parts);
  const settings = project?.config.watch;
  const feedback = store && settings !== false ? runFeedback(store, settings?.feedback, warn) : undefined;
  const observers = [watch?.observer, feedback].flatMap((o): ResponseObserver[] => (o ? [o] : []));
  const responses: ResponseObserver = {
    ended: response => {
      for (const o of observers) o.ended(response);
    },
    ...defined({ scoresEvery: watch?.observer.scoresEvery }),
  };
  return {
    watch,
    feedback,
    app: {
      ...(observers.length > 0 ? { responses } : {}),
      ...(watch ? { watchFigures: watch.figures } : {}),
      ...(feedback ? { feedback: feedback.port } : {}),
    },
    close: async () => {
      await watch?.close();
      await feedback?.close();
    },
  };
}
