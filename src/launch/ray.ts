/**
 * Ray: each task is a job of its Jobs API, so that Ray finds a node with the processors for it. Variables of a job stand in Ray's record of it: whoever may
 * read the dashboard may read them, so Loam sends none that loam.yaml does not name (`launch.env`).
 */
import { randomBytes } from "node:crypto";
import { z } from "zod";
import { pause, redact } from "../base/index.ts";
import { checkJob } from "./check-job.ts";
import { launchErrors } from "./errors.ts";
import { isTaskOver, type Launcher, type LaunchJob, logBytes, type RunningJob, type TaskState } from "./launcher.ts";
import { rayAddress, rayRequest } from "./ray-http.ts";
import { endedBy, signalName } from "./task-end.ts";
import { shellChecks, shellCommand } from "./task-script.ts";

export interface RayOptions {
  /** Of the dashboard: `http://HOST:8265`; default: RAY_API_SERVER_ADDRESS, else this machine. */
  readonly address?: string | undefined;
}

/** Ray stops a task by SIGTERM, waits 3 s, ends it by SIGKILL. */
const longestCancelMs = 60_000;

const jobInfo = z.object({
  status: z.enum(["PENDING", "RUNNING", "STOPPED", "SUCCEEDED", "FAILED"]),
  message: z.string().nullish(),
  error_type: z.string().nullish(),
  driver_exit_code: z.number().nullish(),
  driver_node_id: z.string().nullish(),
});
type JobInfo = z.output<typeof jobInfo>;

/** What Ray adds to a log, before or behind the first lines of the task: its output is not in order. */
const ownLine = /^Running entrypoint for job .*\n?/gm;

/** Ends of Ray itself that say nothing of the program. */
const notOfProgram = ["JOB_SUPERVISOR_ACTOR_DIED", "JOB_SUPERVISOR_ACTOR_UNKNOWN_FAILURE", "JOB_SUPERVISOR_ACTOR_START_TIMEOUT"];

export function rayState(info: JobInfo): TaskState {
  const { status, driver_exit_code: code, message, error_type: type } = info;
  const said = redact((message ?? "").split("\n")[0]!.slice(0, 300));
  if (status === "PENDING") return { state: "pending", ...(said === "" ? {} : { reason: `Ray: ${said}` }) };
  if (status === "RUNNING") return { state: "running", ...(info.driver_node_id ? { node: info.driver_node_id } : {}) };
  if (status === "SUCCEEDED") return { state: "succeeded" };
  if (status === "STOPPED") return { state: "killed", reason: "stopped in Ray" };
  if (typeof code === "number" && code !== 0)
    return code < 0 ? { state: "killed", reason: `killed by ${signalName(-code)}` } : endedBy(code);
  if (type && notOfProgram.includes(type)) return { state: "killed", reason: `Ray: ${said || type}` };
  return { state: "failed", exitCode: null, reason: `Ray: ${said || type || "failed"}` };
}

/** A line for bash, by which Ray starts a job. */
const entrypoint = (job: LaunchJob): string =>
  [
    ...shellChecks(job, sentence => `{ echo "${sentence.replaceAll(/["$`\\]/g, "")} on $(uname -n)" >&2; exit 127; }`),
    `exec ${shellCommand(job)}`,
  ].join("; ");

const bodyOf = (job: LaunchJob, index: number, id: string): object => ({
  entrypoint: entrypoint(job),
  submission_id: id,
  entrypoint_num_cpus: job.cpus,
  ...(job.memoryBytes === undefined ? {} : { entrypoint_memory: job.memoryBytes }),
  runtime_env: { env_vars: { ...job.env, LOAM_TASK: String(index), LOAM_TASKS: String(job.tasks) } },
  metadata: { loam: job.name, task: String(index) },
});

class RayJob implements RunningJob {
  readonly id: string;
  readonly #address: URL;
  readonly #ids: ReadonlyMap<number, string>;
  readonly #over = new Map<number, TaskState>();

  constructor(id: string, address: URL, ids: ReadonlyMap<number, string>) {
    [this.id, this.#address, this.#ids] = [id, address, ids];
  }

  async tasks(): Promise<ReadonlyMap<number, TaskState>> {
    const states = await Promise.all([...this.#ids].map(async ([index, id]) => [index, await this.#stateOf(index, id)] as const));
    return new Map(states);
  }

  async #stateOf(index: number, id: string): Promise<TaskState> {
    const known = this.#over.get(index);
    if (known) return known;
    const { status, body } = await rayRequest(this.#address, "GET", `/api/jobs/${id}`);
    const state: TaskState =
      status === 404 ? { state: "killed", reason: "Ray has no record of it any more" } : rayState(parsed(body, status));
    if (isTaskOver(state)) this.#over.set(index, state);
    return state;
  }

  async logs(index: number): Promise<string> {
    const id = this.#ids.get(index);
    if (id === undefined) return "";
    const { status, body } = await rayRequest(this.#address, "GET", `/api/jobs/${id}/logs`);
    const { logs } = status === 200 ? (JSON.parse(body) as { readonly logs?: string }) : {};
    return (logs ?? "").replaceAll(ownLine, "").slice(-logBytes);
  }

  async cancel(): Promise<void> {
    for (const end = performance.now() + longestCancelMs; performance.now() < end; await pause(200)) {
      const states = await this.tasks();
      const open = [...this.#ids].filter(([index]) => !isTaskOver(states.get(index)!));
      if (open.length === 0) return;
      // a job that is still being set up hears of it the next time
      for (const [, id] of open) await rayRequest(this.#address, "POST", `/api/jobs/${id}/stop`);
    }
    throw launchErrors.fail("engine", { place: `Ray at ${this.#address.origin}`, message: `jobs of ${this.id} did not stop` });
  }

  /** Takes the record of the jobs, with their variables, out of Ray. */
  async close(): Promise<void> {
    for (const id of this.#ids.values()) await rayRequest(this.#address, "DELETE", `/api/jobs/${id}`);
  }
}

function parsed(body: string, status: number): JobInfo {
  try {
    return jobInfo.parse(JSON.parse(body));
  } catch {
    throw launchErrors.fail("engine", { place: "Ray", expected: "a job of the Jobs API", received: `${status} ${body.slice(0, 80)}` });
  }
}

/** What Ray says of a request that it refuses; of a Python traceback the last line. */
const refusal = (body: string): string => body.trim().split("\n").at(-1)!.slice(0, 500);

export function rayLauncher({ address }: RayOptions = {}): Launcher {
  const at = rayAddress(address);
  return {
    engine: "ray",
    lookMs: 1000,
    async submit(job) {
      checkJob(job);
      const name = `${job.name}-${randomBytes(6).toString("hex")}`;
      const ids = new Map<number, string>();
      const running = new RayJob(name, at, ids);
      for (const index of job.indexes) {
        const id = `${name}-${index}`;
        const { status, body } = await rayRequest(at, "POST", "/api/jobs/", bodyOf(job, index, id));
        if (status === 200) {
          ids.set(index, id);
          continue;
        }
        await running.cancel();
        throw launchErrors.fail("refused", { place: `Ray at ${at.origin}`, message: `${status}: ${refusal(body)}` });
      }
      return running;
    },
    close: async () => {},
  };
}
