/**
 * Ranks on an engine (mpirun, Slurm, Ray, Kubernetes): one task a rank, all of which must run at the same time. They find each other, and this command hears of
 * them, by a folder of the training's scratch, which all hosts share as they share its checkpoints.
 */
import { isAbsolute, join, relative } from "node:path";
import { type GangLoss, type LaunchEvent, launchErrors, superviseGang } from "../../launch/index.ts";
import { ranksErrors } from "../../ranks/index.ts";
import { writeRankTask } from "../../train/index.ts";
import { nodeFolderOf, openWorkerLauncher, workerJob } from "../launching/workers.ts";
import type { ProjectFile } from "../project-file.ts";
import { type MeetingFolder, openMeetingFolder } from "./meeting-folder.ts";
import { againHint, type RankStart, stopMs, withThreads } from "./rank-start.ts";

/** Between two looks at what ranks have said, ms. */
const hearMs = 250;
/** Ranks wait for each other longer than this command does, so that its sentence is the one that is shown. */
const moreMs = 60_000;

/** A path of the project as a node sees it. Errors: launch/job for one outside the project's folder. */
function onNode(project: ProjectFile, nodeFolder: string, path: string): string {
  const below = relative(project.folder, path);
  if (!below.startsWith("..") && !isAbsolute(below)) return join(nodeFolder, below);
  throw launchErrors.fail("job", {
    place: "ranks on an engine",
    expected: "checkpoints in the project's folder, which nodes share",
    received: path,
    hint: "An encrypted store keeps them in this machine's memory: train it with `--launch local`.",
  });
}

/** What people hear of the engine. */
function tellerOf({ engine, watched, size }: RankStart) {
  return (event: Exclude<LaunchEvent, { readonly event: "replaced" }>): void => {
    const say = (message: string) => watched.progress({ stage: "launch", message });
    if (event.event === "submitted") say(`starting ${size} rank${size > 1 ? "s" : ""} (${engine}: ${event.id})`);
    else if (event.state.state === "pending" && event.state.reason !== undefined) say(`rank ${event.index} waits: ${event.state.reason}`);
  };
}

const lost = ({ index, state }: GangLoss) =>
  ranksErrors.fail("lost", {
    place: `rank ${index}`,
    expected: "exit code 0",
    received: state.reason.replace(/^killed by/, "an end by"),
    hint: againHint,
  });

async function superviseRanks(o: RankStart, folder: MeetingFolder, path: string): Promise<GangLoss | undefined> {
  const { project, size, watched, engine } = o;
  const launcher = await openWorkerLauncher({ project, engine: engine!, address: o.address });
  const job = workerJob({ project, engine: engine!, workers: size, name: "loam-train", args: ["train", "rank", path] });
  try {
    return await superviseGang(launcher, job, {
      signal: watched.signal,
      startMs: project.config.launch.startSeconds * 1000,
      graceMs: stopMs,
      askToEnd: folder.askToEnd,
      onEvent: tellerOf(o),
    });
  } finally {
    await launcher.close();
  }
}

/** Each rank computes on the processors that the engine gives a task. */
export async function runRanksElsewhere(o: RankStart): Promise<void> {
  const { project, task, size, voices } = o;
  const { launch } = project.config;
  const nodeFolder = nodeFolderOf(project, o.engine!);
  const placed = (path: string) => onNode(project, nodeFolder, path);
  const { eventsFolder } = task;
  const folders = { folder: placed(task.folder), ...(eventsFolder === undefined ? {} : { eventsFolder: placed(eventsFolder) }) };
  const folder = openMeetingFolder(task.folder, { size, joinMs: launch.startSeconds * 1000 + moreMs });
  const hear = () => {
    for (let rank = 0; rank < size; rank++) for (const line of folder.linesOf(rank)) voices.hear(rank, line);
  };
  const hearing = setInterval(hear, hearMs);
  try {
    const path = writeRankTask(withThreads({ ...task, ...folders }, launch.cpus), folder.path);
    const loss = await superviseRanks(o, folder, placed(path));
    hear();
    if (loss === undefined) return;
    const why = voices.reason(size);
    if (why) throw why;
    throw loss.state.state === "killed" ? lost(loss) : (voices.ofOthers ?? loss.error);
  } finally {
    clearInterval(hearing);
    folder.remove();
  }
}
