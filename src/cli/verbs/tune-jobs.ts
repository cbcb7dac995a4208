/**
 * `loam tune jobs`: the fine-tuning jobs that clients asked a project's server for. `work` is the server's own: a child process that does a part of a job.
 */
import { join } from "node:path";
import { nearest } from "../../base/index.ts";
import { jobRecord, jobsFolder, workOnJob } from "../../project/fine-tuning/index.ts";
import { findProject, openProject, type Project, withProjectStore } from "../../project/index.ts";
import { type Job, type JobEvent, JobFolder, type JobWork } from "../../tune/index.ts";
import { cliErrors } from "../errors.ts";
import { choiceOption, textOption } from "../options.ts";
import type { Context, Options, VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

interface Asked {
  readonly context: Context;
  readonly project: Project;
  readonly options: Options;
}

const line = (job: Job): string =>
  `  ${job.id}  ${job.status.padEnd(16)} ${new Date(job.created_at * 1000).toISOString().slice(0, 16)}  ${job.fine_tuned_model ?? job.model}`;

async function list({ context: { out }, project }: Asked): Promise<void> {
  const jobs = await project.jobs.list();
  for (const job of jobs) out.line(line(job));
  if (jobs.length === 0) out.line("  No jobs yet: docs/fine-tuning-jobs.md shows how a client asks for one.");
  out.result({ event: "result", jobs });
}

/** Events that people are shown: the newest. */
const shownEvents = 12;

const eventLine = (e: JobEvent): string => `    ${new Date(e.created_at * 1000).toISOString().slice(11, 19)}  ${e.message}`;

async function show({ context: { out }, project }: Asked, id = ""): Promise<void> {
  const { job, base, checkpoints, events } = await project.jobs.show(id);
  out.line(line(job));
  out.line(`    from ${base}, ${job.method.type}, seed ${job.seed}`);
  if (job.error) out.line(`    ${job.error.code}: ${job.error.message}`);
  if (events.length > shownEvents) out.line(`    ${events.length - shownEvents} earlier events: --json has them`);
  for (const e of events.slice(-shownEvents)) out.line(eventLine(e));
  out.result({ event: "result", job, events, checkpoints });
}

const change =
  (how: "cancel" | "pause" | "resume") =>
  async ({ context: { out }, project, options }: Asked, id = ""): Promise<void> => {
    const job = await project.jobs[how](id, { server: textOption(options, "server") });
    out.line(line(job));
    out.result({ event: "result", job });
  };

/** The channel to the server ends when the server does, however it went: the job is saved then. */
async function work({ context, options }: Asked, id = ""): Promise<void> {
  const project = findProject(folderOf(context, options));
  const folder = new JobFolder(join(project.folder, jobsFolder));
  const record = jobRecord(folder, id);
  const only = choiceOption(options, "only", "tune jobs", ["check", "train"]) ?? "train";
  const left = new AbortController();
  process.once("disconnect", () => left.abort(new Error("the server of the job is gone")));
  const signal = AbortSignal.any([context.signal, left.signal]);
  try {
    await withProjectStore(project, store =>
      workOnJob(only as JobWork, {
        signal,
        tell: ({ event, ...data }) => context.out.event(event, data),
        warn: message => context.out.warn(message),
        project,
        store,
        folder,
        record,
      }),
    );
  } finally {
    // the channel would keep this process alive
    process.disconnect?.();
  }
}

const actions: Readonly<Record<string, (asked: Asked, id: string | undefined) => Promise<void>>> = {
  list,
  show,
  cancel: change("cancel"),
  pause: change("pause"),
  resume: change("resume"),
  work,
};
/** For people; `work` is for the server. */
const shown = Object.keys(actions).filter(a => a !== "work");

export const tuneJobs: VerbRun = async (context, [action = "list", id], options) => {
  const run = actions[action];
  if (!run) {
    const near = nearest(action, shown);
    throw cliErrors.fail("usage", {
      place: "loam tune jobs",
      expected: `one of ${shown.join(", ")}`,
      received: `"${action}"`,
      ...(near ? { hint: `Did you mean "${near}"?` } : {}),
    });
  }
  await using project = await openProject(folderOf(context, options), { cwd: context.cwd });
  await run({ context, project, options }, id);
};
