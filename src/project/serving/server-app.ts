/** A server's application: contracts, console, files, jobs, monitors. Most of it is loaded when somebody asks for it. */
import { join } from "node:path";
import { defined, loadedLater, readStaticPage } from "../../base/index.ts";
import {
  type App,
  type AppOptions,
  askClassifier,
  type ConsoleSource,
  callerBehindGateway,
  createApp,
  type Engines,
  type LabelSource,
  openTelemetry,
} from "../../serve/index.ts";
import { Login } from "../../session/index.ts";
import type { Store } from "../../store/index.ts";
import { collectorUrl, metricsUrl } from "../../tracing/index.ts";
import type { TuneJobs } from "../../tune/index.ts";
import type { Closers } from "../closers.ts";
import { costRatesOf } from "../cost/index.ts";
import { type LinesLater, linesLater } from "../gateway/lines-later.ts";
import type { ProjectLabels } from "../labelling/label-source.ts";
import { ownPackage, packageFolder } from "../package.ts";
import type { ProjectFile } from "../project-file.ts";
import type { ProjectStarts } from "../starting/start-source.ts";
import { apiKeysOf, disabledEndpointsOf } from "./callers.ts";
import type { Monitoring } from "./open-monitoring.ts";
import type { ServeOptions } from "./serve-options.ts";
import { servedConsole } from "./served-console.ts";
import type { FoundModels, ServerOpening } from "./server-opening.ts";
import { isLoopbackHost } from "./serving-event.ts";
import type { StartedModels } from "./start-models.ts";

const sentence = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const consolePage = async (hasConsole: boolean) => (hasConsole ? readStaticPage(join(packageFolder, "console", "dist")) : undefined);

/** What of a server its project decides. */
const fromProject = (project: ProjectFile | undefined): Partial<AppOptions> =>
  project
    ? {
        storeFolder: join(project.folder, ".loam"),
        usdPerCoreHour: costRatesOf(project.config.prices).price.usdPerCoreHour,
        filesFolder: join(project.folder, ".loam", "served-files"),
      }
    : {};

/** Loaded when the console's page of labels, or a client, asks for them. */
function labelsLater(project: ProjectFile, store: Store, engines: Engines, closers: Closers): LabelSource {
  let opened: ProjectLabels | undefined;
  closers.add(() => opened?.close());
  return loadedLater<LabelSource>({ sets: true, revision: true, batch: true, disagreements: true, give: true }, async () => {
    const { labelSource } = await import("../labelling/label-source.ts");
    opened = labelSource(project, store, (model, signal, use) => askClassifier(engines, { model, user: "labels", signal }, use));
    return opened;
  });
}

/** Loaded when the console's page Start, or a client, asks for it. */
function startsLater(project: ProjectFile, store: Store, closers: Closers): NonNullable<ConsoleSource["starts"]> {
  let opened: ProjectStarts | undefined;
  closers.add(() => opened?.close());
  const calls = { parts: true, form: true, edit: true, state: true, start: true, stop: true } as const;
  return loadedLater<NonNullable<ConsoleSource["starts"]>>(calls, async () => {
    const { startSource } = await import("../starting/start-source.ts");
    opened = startSource(project, store);
    return opened;
  });
}

const unmonitored: Monitoring = {
  app: {},
  gateway: { feedback: undefined },
  through: () => {},
  start: () => {},
  close: async () => {},
};

interface ServerApp {
  readonly app: App;
  readonly login: Login;
  /** Lines of batches, which wait for the gateway; undefined without one. */
  readonly lines: LinesLater | undefined;
  readonly running: { readonly jobs: TuneJobs | undefined; readonly requests: number };
  readonly monitoring: Monitoring;
  readonly hasPage: boolean;
  readonly hasConsole: boolean;
  readonly needsKey: boolean;
}

const answerDefaults = ({ tokensAsIds, usageInStreams, requestMetrics }: ServeOptions) =>
  defined({ tokensAsIds, usageInStreams, requestMetrics });

/** Errors: project/argument where keys are given beside a gateway. */
export async function createServerApp(
  o: ServerOpening,
  found: FoundModels,
  engines: Engines,
  { fleet }: StartedModels,
  { host, corsOrigins }: { readonly host: string; readonly corsOrigins: readonly string[] },
): Promise<ServerApp> {
  const { options, closers, warn } = o;
  const { project, store, adapters, named } = found;
  const sent = { traces: collectorUrl(options.otlp), metrics: metricsUrl(options.otlp) };
  const tracing = await openTelemetry({
    tracesUrl: sent.traces,
    metricsUrl: sent.metrics,
    version: ownPackage().version,
    onFailure: (what, error) => warn(`loam: ${what} do not reach ${sent[what]} (${sentence(error)}); serving goes on`),
  });
  if (tracing) closers.add(() => tracing.close());
  const hasGateway = project?.config.gateway !== undefined;
  const lines = hasGateway ? linesLater() : undefined;
  const labels = project && store ? labelsLater(project, store, engines, closers) : undefined;
  const starts = project && store && !store.isReadOnly ? startsLater(project, store, closers) : undefined;
  const running: { jobs: TuneJobs | undefined; requests: number } = { jobs: undefined, requests: 0 };
  closers.add(() => running.jobs?.close());
  const openJobs = project && store ? (await import("../fine-tuning/open-jobs.ts")).openJobs : undefined;
  const fineTuning: AppOptions["fineTuning"] =
    project && store && openJobs
      ? keep => {
          const onFailure = (error: unknown, at: string) => warn(`loam: ${at}: ${sentence(error)}`);
          running.jobs = openJobs({ project, store, fleet, keep, onFailure });
          return running.jobs;
        }
      : undefined;
  // files as they lie on the disk have nothing that monitors could keep
  const monitoring = store
    ? await (await import("./open-monitoring.ts")).openMonitoring({
        project,
        store,
        fleet,
        warn,
        tell: message => o.tell({ event: "note", message }),
      })
    : unmonitored;
  closers.add(() => monitoring.close());
  const login = new Login({ info: { gateway: false, record: true } });
  const apiKeys = apiKeysOf(options, hasGateway);
  const disabledEndpoints = disabledEndpointsOf(options, project);
  const hasConsole = !disabledEndpoints.includes("console");
  const page = await consolePage(hasConsole);
  const app = createApp({
    engines,
    fleet,
    tracing,
    // behind a gateway its roles and its own login decide
    ...(hasGateway ? {} : options.admin === true ? { admin: true } : { login }),
    ...(options.anyName === true ? { otherNames: named[0]!.name } : {}),
    ...(apiKeys.length > 0 ? { apiKeys } : {}),
    ...((options.sharedPrefixCache ?? project?.config.serve?.sharedPrefixCache) === true ? { sharedPrefixCache: true } : {}),
    ...defined({ adapterFolder: adapters.folder }),
    ...(adapters.anyBase ? { adapterAnyBase: true } : {}),
    ...(options.trustChatTemplates === true ? { trustsChatTemplates: true } : {}),
    answers: answerDefaults(options),
    ...defined({ maxLogprobs: options.maxLogprobs }),
    ...defined({ console: store && servedConsole(project, store, defined({ labels, starts })) }),
    ...defined({ page, noModels: found.awaited?.reason }),
    ...fromProject(project),
    ...(lines ? { batchLine: lines.ask, callerOf: callerBehindGateway } : {}),
    ...defined({ fineTuning }),
    ...monitoring.app,
    version: ownPackage().version,
    corsOrigins,
    disabledEndpoints,
    hosts: isLoopbackHost(host) ? "loopback" : "any",
    onRequest: () => running.requests++,
    onFailure: (error, id) => warn(`loam: request ${id}: ${sentence(error)}`),
  });
  return { app, login, lines, running, monitoring, hasPage: page !== undefined, hasConsole, needsKey: apiKeys.length > 0 };
}
