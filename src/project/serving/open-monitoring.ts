/** Monitors, feedback and loops of a server: what its application and its gateway are given of them, and when they begin and end. */
import { defined } from "../../base/index.ts";
import type { Gateway, RequestRecord } from "../../gateway/index.ts";
import { type AppOptions, eachObserver, type Fleet } from "../../serve/index.ts";
import type { Store } from "../../store/index.ts";
import type { ReadWatchFigures } from "../../tracing/index.ts";
import { ownersIn } from "../owners.ts";
import type { ProjectFile } from "../project-file.ts";
import { runLiveSketches } from "../watching/drift/index.ts";
import { qualityFigures, type RunningFeedback, runFeedback } from "../watching/feedback/index.ts";
import { alarmEvent, objectiveRules, RunningWatch } from "../watching/live/index.ts";
import { runSamples } from "../watching/samples/index.ts";

interface MonitoringParts {
  /** Without one, only feedback is kept. */
  readonly project: ProjectFile | undefined;
  readonly store: Store | undefined;
  readonly fleet: Fleet;
  readonly warn: (text: string) => void;
  /** What loops do. */
  readonly tell: (text: string) => void;
}

export interface Monitoring {
  readonly app: Pick<AppOptions, "responses" | "watchFigures" | "feedback">;
  readonly gateway: {
    readonly feedback: RunningFeedback | undefined;
    readonly onRequest?: (record: RequestRecord) => void;
    readonly watchFigures?: ReadWatchFigures;
  };
  /** Alarms go to this gateway's webhooks from now on. */
  through(gateway: Pick<Gateway, "alarm">): void;
  /** Once the models are there. */
  start(o?: { readonly hasLoops?: boolean }): void;
  close(): Promise<void>;
}

/** Monitors and feedback are left out where `watch: false` says so, or where the record is only read. */
export async function openMonitoring({ project, store, fleet, warn, tell }: MonitoringParts): Promise<Monitoring> {
  const settings = project?.config.watch;
  let door: Pick<Gateway, "alarm"> | undefined;
  const watch =
    project && store && settings && !store.isReadOnly
      ? new RunningWatch({
          store,
          settings,
          objectives: objectiveRules(project.config.slo),
          project: project.config.name ?? null,
          owners: ownersIn(project),
          warn: text => warn(`loam: ${text}`),
          quality: () => qualityFigures(store),
          notify: notice => door?.alarm(alarmEvent(notice)),
        })
      : undefined;
  // while models are loaded, nobody waits for answers yet
  if (watch) setImmediate(() => watch.prepare());
  const feedback = store && settings !== false ? runFeedback(store, settings?.feedback, warn) : undefined;
  const sketches = watch && store ? runLiveSketches(store, warn) : undefined;
  const samples = project && store ? runSamples(store, settings ? settings.samples : false, warn) : undefined;
  const hasLoops = project !== undefined && Object.keys(project.config.loop).length > 0;
  const loops = hasLoops && store ? (await import("../looping/index.ts")).openLoops({ project, store, fleet, tell, warn }) : undefined;
  // a comparison of two versions needs no loop
  const traffic =
    !loops && project && store && !store.isReadOnly
      ? (await import("../looping/observe-traffic.ts")).observeTraffic(store, error =>
          warn(`loam: comparison: ${(error as Error).message}`),
        )
      : undefined;
  const figures = watch ? { watchFigures: watch.figures } : {};
  return {
    app: {
      ...defined({
        responses: eachObserver([watch?.observer, feedback, sketches, samples, loops?.observer, traffic]),
        feedback: feedback?.port,
      }),
      ...figures,
    },
    gateway: { feedback, ...figures, ...(watch ? { onRequest: record => watch.request(record) } : {}) },
    through: gateway => {
      door = gateway;
    },
    start: ({ hasLoops: directs = true } = {}) => {
      watch?.start();
      if (directs) loops?.start();
    },
    close: async () => {
      await loops?.close();
      await traffic?.close();
      await watch?.close();
      await sketches?.close();
      await samples?.close();
      await feedback?.close();
    },
  };
}
