/**
 * `loam tune jobs`: the fine-tuning jobs that clients asked a project's server for. They are read where they lie; cancelling, pausing and
 * resuming is asked of the server that runs them. `work` is the server's own: a child process that does a part of a job.
 */
import { join } from "node:path";
import { environment, nearest } from "../../base/index.ts";
import { jobsFolder, workOnJob } from "../../project/fine-tuning/index.ts";
import { keyVariable } from "../../project/gateway/index.ts";
import { findProject, type ProjectFile, withProjectStore } from "../../project/index.ts";
import { readTokenFiles, tokenFor } from "../../session/index.ts";
import { type Job, type JobEvent, JobFolder, type JobWork } from "../../tune/index.ts";
import { cliErrors } from "../errors.ts";
import { choiceOption, textOption } from "../options.ts";
import type { Context, Options, VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

interface Asked {
  readonly context: Context;
  readonly project: ProjectFile;
  readonly folder: JobFolder;
  readonly options: Options;
}

const place = "loam tune jobs";

function recordOf({ folder }: Asked, id: string | undefined) {
  const record = id === undefined ? undefined : folder.read(id);
  if (record) return record;
  const known = folder.all().map(r => r.job.id);
  throw cliErrors.fail("usage", {
    place,
    expected: known.length > 0 ? `one of ${known.slice(-5).join(", ")}` : "a job, but there is none",
    received: id === undefined ? "none" : `"${id}"`,
  });
}

const line = (job: Job): string =>
  `  ${job.id}  ${job.status.padEnd(16)} ${new Date(job.created_at * 1000).toISOString().slice(0, 16)}  ${job.fine_tuned_model ?? job.model}`;

async function list({ context: { out }, folder }: Asked): Promise<void> {
  const jobs = folder.all().map(r => r.job);
  for (const job of jobs) out.line(line(job));
  if (jobs.length === 0) out.line("  No jobs yet: docs/fine-tuning-jobs.md shows how a client asks for one.");
  out.result({ event: "result", jobs });
}

/** Events that people are shown. */
const shownEvents = 12;

const eventLine = (e: JobEvent): string => `    ${new Date(e.created_at * 1000).toISOString().slice(11, 19)}  ${e.message}`;

async function show(asked: Asked, id: string | undefined): Promise<void> {
  const { out } = asked.context;
  const { job, base, checkpoints } = recordOf(asked, id);
  const events = asked.folder.events(job.id);
  out.line(line(job));
  out.line(`    from ${base}, ${job.method.type}, seed ${job.seed}`);
  if (job.error) out.line(`    ${job.error.code}: ${job.error.message}`);
  for (const e of events.slice(-shownEvents)) out.line(eventLine(e));
  out.result({ event: "result", job, events, checkpoints });
}

/** Asks the server. Errors: cli/usage where none answers, or in its own words. */
const ask =
  (wish: "cancel" | "pause" | "resume") =>
  async (asked: Asked, id: string | undefined): Promise<void> => {
    const { out } = asked.context;
    const { job } = recordOf(asked, id);
    const { host = "127.0.0.1", port = 8080 } = asked.project.config.serve ?? {};
    const server = (textOption(asked.options, "server") ?? `http://${host}:${port}`).replace(/\/+$/, "");
    const failed = (received: string, cause?: unknown) =>
      cliErrors.fail(
        "usage",
        {
          place: `${place} ${wish}`,
          expected: `the project's server at ${server}`,
          received,
          hint: "Start it with loam serve, or name it: --server URL.",
        },
        cause,
      );
    const key = environment()[keyVariable] || tokenFor(await readTokenFiles(asked.project.folder), server);
    const response = await fetch(`${server}/v1/fine_tuning/jobs/${job.id}/${wish}`, {
      method: "POST",
      headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
    }).catch((error: unknown) => {
      throw failed("no answer", error);
    });
    const answer = (await response.json().catch(() => ({}))) as Job | { readonly error?: { readonly message?: string } };
    if (!response.ok || !("status" in answer)) {
      const message = "error" in answer && typeof answer.error === "object" ? answer.error?.message : undefined;
      if (message !== undefined) throw cliErrors.fail("usage", { place: `${place} ${wish}`, message });
      throw failed(`status ${response.status}`);
    }
    out.line(line(answer));
    out.result({ event: "result", job: answer });
  };

/** The channel to the server ends when the server does, however it went: the job is saved then. */
async function work({ context, project, folder, options, ...asked }: Asked, id: string | undefined): Promise<void> {
  const record = recordOf({ context, project, folder, options, ...asked }, id);
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
  cancel: ask("cancel"),
  pause: ask("pause"),
  resume: ask("resume"),
  work,
};
/** For people; `work` is for the server. */
const shown = Object.keys(actions).filter(a => a !== "work");

export const tuneJobs: VerbRun = async (context, [action = "list", id], options) => {
  const run = actions[action];
  if (!run) {
    const near = nearest(action, shown);
    throw cliErrors.fail("usage", {
      place,
      expected: `one of ${shown.join(", ")}`,
      received: `"${action}"`,
      ...(near ? { hint: `Did you mean "${near}"?` } : {}),
    });
  }
  const project = findProject(folderOf(context, options));
  await run({ context, project, folder: new JobFolder(join(project.folder, jobsFolder)), options }, id);
};
