/** Worker processes of this project on an engine (src/launch), as long as work goes on here: `loam data work` for curation, `loam tune search --worker` for a study. */
import { join } from "node:path";
import { environment, pause } from "../../base/index.ts";
import {
  type EngineName,
  type LaunchEvent,
  type Launcher,
  type LaunchJob,
  openLauncher,
  podFolder,
  superviseTasks,
} from "../../launch/index.ts";
import { progressFor, type Watch } from "../call.ts";
import { packageFolder } from "../package.ts";
import type { ProjectFile } from "../project-file.ts";
import type { RankEngine } from "../ranks/rank-start.ts";

export interface LaunchOptions {
  /** Engine that starts the workers; default: `launch.engine` of loam.yaml. */
  readonly launch?: EngineName | undefined;
  /** Of Ray's dashboard; default: `launch.ray.address`, RAY_API_SERVER_ADDRESS, this machine. */
  readonly launchAddress?: string | undefined;
}

export interface Workers {
  readonly project: ProjectFile;
  readonly engine: EngineName;
  readonly address?: string | undefined;
  readonly workers: number;
  /** Shown by the engine. */
  readonly name: string;
  /** The verb and its arguments; the project's folder is added. */
  readonly args: readonly string[];
  /** Killed workers that are replaced, in all. */
  readonly mostReplacements: number;
}

/** The engine that is meant; undefined: none. */
export const engineOf = ({ config }: ProjectFile, { launch }: LaunchOptions): EngineName | undefined => launch ?? config.launch.engine;

/** Where the ranks of a training start. A training on one rank leaves this process only where the caller says so, not by loam.yaml. */
export const rankEngineOf = (file: ProjectFile, o: LaunchOptions): RankEngine => ({
  engine: engineOf(file, o),
  address: o.launchAddress,
  isForOne: o.launch !== undefined && o.launch !== "local",
});

/** The project's folder as a node sees it. */
export const nodeFolderOf = ({ folder, config: { launch } }: ProjectFile, engine: EngineName): string =>
  launch.folder ?? (engine === "kubernetes" ? podFolder : folder);

/** A worker that only the project describes: how a node starts it. */
export function workerJob({ project, engine, workers, name, args }: Omit<Workers, "address" | "mostReplacements">): LaunchJob {
  const { launch } = project.config;
  const isPod = engine === "kubernetes";
  const folder = nodeFolderOf(project, engine);
  const own = join(packageFolder, "bin", "loam.js");
  const [program, ...before] = launch.command ?? (isPod ? [] : [process.execPath, own]);
  const variables = environment();
  const given = launch.env.flatMap(key => (variables[key] === undefined ? [] : [[key, variables[key]] as const]));
  return {
    name,
    indexes: Array.from({ length: workers }, (_, i) => i),
    tasks: workers,
    program,
    args: [...before, ...args, "--project", folder, "--json"],
    // workers of this machine share its processors; elsewhere each has those that the engine gives it
    env: { NO_COLOR: "1", ...(engine === "local" ? {} : { LOAM_TASK_CPUS: String(launch.cpus) }), ...Object.fromEntries(given) },
    cwd: folder,
    files: launch.command === undefined && !isPod ? [own] : [],
    cpus: launch.cpus,
    memoryBytes: launch.memoryBytes,
  };
}

/** Between two looks at whether workers are wanted, ms. */
const lookMs = 100;

/** The engine's launcher. */
export function openWorkerLauncher({ project, engine, address }: Pick<Workers, "project" | "engine" | "address">): Promise<Launcher> {
  const { launch } = project.config;
  return openLauncher(engine, address === undefined ? launch : { ...launch, ray: { ...launch.ray, address } });
}

/** What people hear of workers. */
const tellerOf = (engine: EngineName, watch: Watch) => {
  const tell = progressFor(watch, "workers");
  return (event: LaunchEvent): void => {
    if (event.event === "submitted")
      tell({ stage: "launch", message: `${engine}: ${event.id}`, values: { workers: event.indexes.length } });
    else if (event.event === "replaced")
      watch.emit({ event: "warning", message: `loam: worker ${event.index} was lost (${event.reason}); another one takes its place.` });
    else if (event.state.state === "pending" && event.state.reason !== undefined)
      tell({ stage: "launch", message: `worker ${event.index} waits: ${event.state.reason}` });
  };
};

/** Supervises workers until all of them have ended by themselves. Errors: launch/*; the signal's reason. */
export async function superviseWorkers(o: Workers, watch: Watch, signal = watch.signal): Promise<void> {
  const launcher = await openWorkerLauncher(o);
  try {
    await superviseTasks(launcher, workerJob(o), { signal, mostReplacements: o.mostReplacements, onEvent: tellerOf(o.engine, watch) });
  } finally {
    await launcher.close();
  }
}

/**
 * Does `work` here with workers beside it, from the moment that `isWanted` says until it is over; a worker that ends with an error of its own ends the work.
 * Errors: those of the work; launch/*.
 */
export async function withWorkers<T>(
  o: Workers,
  watch: Watch,
  isWanted: () => Promise<boolean>,
  work: (watch: Watch) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const failed = new AbortController();
  const signal = AbortSignal.any([watch.signal, over.signal]);
  const watching = (async () => {
    while (!(await isWanted())) await pause(lookMs, signal);
    await superviseWorkers(o, watch, signal);
  })().catch(error => {
    if (!signal.aborted) failed.abort(error);
  });
  try {
    return await work({ ...watch, signal: AbortSignal.any([watch.signal, failed.signal]) });
  } catch (error) {
    throw failed.signal.aborted ? failed.signal.reason : error;
  } finally {
    over.abort(new Error("the work is done"));
    await watching;
  }
}
