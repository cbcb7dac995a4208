/** Monitors and feedback of a gateway that serves no model: kept in the record of the project that its file lies in. */
import type { Gateway, RequestRecord } from "../../gateway/index.ts";
import { projectOrNone } from "../models/home.ts";
import { ownersIn } from "../owners.ts";
import { openProjectStore } from "../project-file.ts";
import { type RunningFeedback, runFeedback } from "./feedback/index.ts";
import { alarmEvent, objectiveRules, RunningWatch } from "./live/index.ts";

export interface GatewayWatching {
  readonly feedback: RunningFeedback | undefined;
  /** What monitors say; undefined where the record is only read. */
  readonly watch: RunningWatch | undefined;
  request(record: RequestRecord): void;
  /** Alarms go to this gateway's webhooks from now on, and windows are written and evaluated. */
  start(gateway: Pick<Gateway, "alarm">): void;
  close(): Promise<void>;
}

/** Undefined where the folder is no project's or `watch: false`; where its file or record cannot be read that is said, and the gateway goes on. */
export async function openGatewayWatching(folder: string, warn: (message: string) => void): Promise<GatewayWatching | undefined> {
  try {
    const project = projectOrNone(folder);
    if (!project) return undefined;
    const { watch: settings, slo, serve, name } = project.config;
    if (settings === false) return undefined;
    const store = await openProjectStore(project);
    let door: Pick<Gateway, "alarm"> | undefined;
    const feedback = runFeedback(store, settings.feedback, warn);
    const watch = store.isReadOnly
      ? undefined
      : new RunningWatch({
          store,
          settings,
          objectives: objectiveRules(slo),
          project: name ?? null,
          owners: ownersIn(project),
          warn: text => warn(`loam gateway: ${text}`),
          notify: notice => door?.alarm(alarmEvent(notice)),
          // a server of this project counts the same responses
          judgesGateway: Object.keys(serve?.models ?? {}).length === 0,
        });
    return {
      feedback,
      watch,
      request: record => watch?.request(record),
      start(gateway) {
        door = gateway;
        watch?.start();
      },
      async close() {
        await watch?.close();
        await feedback?.close();
        await store.close();
      },
    };
  } catch (error) {
    warn(`loam gateway: nothing is monitored, and no feedback is kept: ${error instanceof Error ? error.message : String(error)}`);
  }
  return undefined;
}
