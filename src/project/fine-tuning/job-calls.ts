/**
 * `project.jobs`: the fine-tuning jobs that clients asked the project's server for. They are read where they lie, whether a server runs or not; cancelling,
 * pausing and resuming is asked of the server that runs them.
 */
import { join } from "node:path";
import { environment } from "../../base/index.ts";
import { readTokenFiles, tokenFor } from "../../session/index.ts";
import { type Job, type JobEvent, JobFolder, type JobRecord } from "../../tune/index.ts";
import { nearestHint, projectErrors, wrongArgument } from "../errors.ts";
import { keyVariable } from "../gateway/running-gateway.ts";
import type { Workspace } from "../workspace.ts";
import { jobsFolder } from "./open-jobs.ts";

export interface FineTuningJob extends Pick<JobRecord, "job" | "base" | "checkpoints"> {
  /** The oldest first. */
  readonly events: readonly JobEvent[];
}

export interface ChangeJobOptions {
  /** Address of the server that runs the job; default: where loam.yaml says. */
  readonly server?: string | undefined;
}

/** Ids that an error names, the newest. */
const named = 5;

/** A job as it lies in the folder. Errors: project/argument with those that there are. */
export function jobRecord(folder: JobFolder, id: string): JobRecord {
  const record = id === "" ? undefined : folder.read(id);
  if (record) return record;
  const known = folder.all().map(r => r.job.id);
  throw wrongArgument(
    "jobs",
    known.length > 0 ? `one of ${known.slice(-named).join(", ")}` : "a job, but there is none",
    id === "" ? "none" : `"${id}"`,
    nearestHint(id, known),
  );
}

export class JobCalls {
  readonly #at: Workspace;

  constructor(at: Workspace) {
    this.#at = at;
  }

  #folder(): JobFolder {
    return new JobFolder(join(this.#at.folder, jobsFolder));
  }

  /** All jobs, the oldest first. */
  async list(): Promise<readonly Job[]> {
    return this.#folder()
      .all()
      .map(r => r.job);
  }

  /** A job with its events. Errors: project/argument for an unknown one. */
  async show(id: string): Promise<FineTuningJob> {
    const folder = this.#folder();
    const { job, base, checkpoints } = jobRecord(folder, id);
    return { job, base, checkpoints, events: folder.events(job.id) };
  }

  /** Ends a job for good; its checkpoints stay. Errors: project/argument, also where the job's status does not take that; project/server where no server answers. */
  cancel(id: string, options: ChangeJobOptions = {}): Promise<Job> {
    return this.#ask("cancel", id, options);
  }

  /** Stops a job at the end of its step, with a checkpoint. Errors: as `cancel`. */
  pause(id: string, options: ChangeJobOptions = {}): Promise<Job> {
    return this.#ask("pause", id, options);
  }

  /** Lets a paused job go on, bit for bit. Errors: as `cancel`. */
  resume(id: string, options: ChangeJobOptions = {}): Promise<Job> {
    return this.#ask("resume", id, options);
  }

  async #ask(change: "cancel" | "pause" | "resume", id: string, options: ChangeJobOptions): Promise<Job> {
    const { job } = jobRecord(this.#folder(), id);
    const { host = "127.0.0.1", port = 8080 } = this.#at.file.config.serve ?? {};
    const server = (options.server ?? `http://${host}:${port}`).replace(/\/+$/, "");
    const place = `jobs.${change}`;
    const failed = (received: string, cause?: unknown) =>
      projectErrors.fail(
        "server",
        {
          place,
          expected: `the project's server at ${server}`,
          received,
          hint: "Start it with loam serve, or name its address: --server URL.",
        },
        cause,
      );
    const key = environment()[keyVariable] || tokenFor(await readTokenFiles(this.#at.folder), server);
    const response = await fetch(`${server}/v1/fine_tuning/jobs/${job.id}/${change}`, {
      method: "POST",
      headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
    }).catch((error: unknown) => {
      throw failed("no answer", error);
    });
    const answer = (await response.json().catch(() => ({}))) as Job | { readonly error?: { readonly message?: string } };
    if (response.ok && "status" in answer) return answer;
    const message = "error" in answer && typeof answer.error === "object" ? answer.error?.message : undefined;
    throw message === undefined ? failed(`status ${response.status}`) : projectErrors.fail("argument", { place, message });
  }
}
