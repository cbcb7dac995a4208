import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { after, checkpointName, isOver, type Job, type JobRequest, jobStatuses, takers, tunedName } from "./job.ts";
import { JobFolder } from "./job-folder.ts";
import { TuneJobs, type TuneJobsPorts } from "./jobs.ts";
import { jobMetricsFile } from "./metrics-file.ts";
import type { JobWork, WorkEnd, WorkEvent } from "./worker.ts";

const root = mkdtempSync(join(tmpdir(), "loam-tune-jobs-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A child that does what the test tells it, one line at a time. */
interface FakeChild {
  readonly id: string;
  readonly work: JobWork;
  readonly say: (event: WorkEvent) => void;
  readonly end: (end: Partial<WorkEnd>) => Promise<void>;
  isStopped: boolean;
}
const checked = {
  event: "checked",
  problems: [],
  problemCount: 0,
  warnings: [],
  train: 40,
  validation: 0,
  longest: 20,
  tokens: 800,
  context: 64,
} as const;
const trained = { event: "trained", version: 1, step: 2, validationLoss: null, checkpoints: [], trainedTokens: 70, points: [] } as const;
const step = (n: number): WorkEvent => ({ event: "step", step: n, steps: 9, loss: 1 / n, leftMs: 1000 });
const interrupted = { code: 130, error: { code: "base/interrupted", sentence: "stopped" } };
/** Promises that hang on one another have had their turns. */
const settled = () => new Promise(resolve => setTimeout(resolve, 5));

function world(more: Partial<TuneJobsPorts> = {}, folder = mkdtempSync(join(root, "jobs-"))) {
  const children: FakeChild[] = [];
  const served: unknown[] = [];
  const kept: string[] = [];
  const removed: unknown[] = [];
  const failures: unknown[] = [];
  const jobs = new TuneJobs({
    folder,
    shown: "jobs",
    launch(id, work, say) {
      let resolve: (end: WorkEnd) => void;
      const ended = new Promise<WorkEnd>(r => {
        resolve = r;
      });
      const child: FakeChild = {
        id,
        work,
        say,
        isStopped: false,
        async end(end) {
          resolve({ code: 0, killedBy: null, error: undefined, ...end });
          await settled();
        },
      };
      children.push(child);
      return {
        ended,
        stop: () => {
          child.isStopped = true;
        },
      };
    },
    baseOf: async model => `${model}@3`,
    keepFile: (_, content) => `file-${kept.push(content)}`,
    async serve(...given) {
      served.push(given);
    },
    async remove(...given) {
      removed.push(given);
    },
    now: () => 1_000_000,
    parallel: 1,
    checkpointSeconds: 5,
    checkpoints: 3,
    onFailure: e => failures.push(e),
    ...more,
  });
  jobs.start();
  const file = join(folder, "upload.jsonl");
  writeFileSync(file, "{}\n");
  const create = (o: Partial<JobRequest> = {}) =>
    jobs.create({
      model: "mail",
      trainingFile: { id: "file-a", path: file },
      validationFile: null,
      suffix: null,
      seed: 7,
      method: {
        type: "supervised",
        supervised: { hyperparameters: { n_epochs: "auto", batch_size: "auto", learning_rate_multiplier: "auto" } },
      },
      metadata: null,
      owner: null,
      ...o,
    });
  /** A job whose files are checked. */
  const queued = async () => {
    const job = await create();
    const child = children.at(-1)!;
    child.say(checked);
    await child.end({});
    return job.id;
  };
  const finish = async () => {
    const closed = jobs.close();
    for (const child of children) await child.end(interrupted);
    await closed;
  };
  return { jobs, children, served, kept, removed, failures, create, queued, finish, folder };
}
const statusOf = (jobs: TuneJobs, id: string): Job["status"] => jobs.get(id)!.status;

test("each wish leads from the statuses it takes to one of the statuses, and none from a job that is over", () => {
  for (const wish of ["cancel", "pause", "resume"] as const)
    for (const status of jobStatuses) {
      const next = after(status, wish);
      expect(next !== undefined).toBe(takers(wish).includes(status));
      if (next !== undefined) expect(jobStatuses).toContain(next);
      if (isOver(status)) expect(next).toBeUndefined();
    }
  expect(after("running", "pause")).toBe("paused");
  expect(after("paused", "resume")).toBe("queued");
});

test("a result's name bears base and suffix, fits the record, and differs by job", () => {
  const pattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
  expect(tunedName("mail-small@3", "polite", "ftjob-00000000000000003f2a9c1b")).toBe("ft-mail-small-polite-3f2a9c1b");
  for (const [suffix, middle] of [
    ["Zoë für", "Zoe-fur-"],
    ["—laut!", "laut-"],
    ["猫", ""],
  ] as const)
    expect(tunedName("m", suffix, "ftjob-3f2a9c1b")).toBe(`ft-m-${middle}3f2a9c1b`);
  for (const suffix of [null, "ü ö", "a".repeat(64), "../x"])
    expect(tunedName("m".repeat(128), suffix, `ftjob-${"f".repeat(24)}`)).toMatch(pattern);
});

test("jobs train in the order they came, as many at once as are allowed, while later files are checked", async () => {
  const { jobs, children, queued, finish } = world({ parallel: 2 });
  const ids = [await queued(), await queued(), await queued()];
  expect(ids.map(id => statusOf(jobs, id))).toEqual(["running", "running", "queued"]);
  const of = (id: string) => children.find(c => c.id === id && c.work === "train")!;
  of(ids[1]!).say(trained);
  await of(ids[1]!).end({});
  expect(ids.map(id => statusOf(jobs, id))).toEqual(["running", "succeeded", "running"]);
  await finish();
});

const head = "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy,learning_rate,tokens\n";

test("a job that succeeds has its model served, its steps kept as a file, its tokens counted", async () => {
  const { jobs, children, served, kept, queued, finish } = world();
  const id = await queued();
  const child = children.at(-1)!;
  for (const n of [1, 2]) child.say(step(n));
  expect(jobs.get(id)!.estimated_finish).toBe(1001);
  child.say({
    ...trained,
    points: [{ step: 2, tokens: 9, loss: 0.5, learningRate: 0.1, tokensPerSecond: 1, gradientNorm: 1, heldOut: 0.25 }],
  });
  await child.end({});
  const job = jobs.get(id)!;
  expect(job).toMatchObject({
    status: "succeeded",
    trained_tokens: 70,
    result_files: ["file-1"],
    finished_at: 1000,
    estimated_finish: null,
    error: null,
  });
  expect(served).toEqual([[job.fine_tuned_model, 1, true]]);
  expect(kept).toEqual([`${head}2,0.5,,0.25,,0.1,9\n`]);
  expect(jobMetricsFile([])).toBe(head);
  expect(jobs.checkpoints(id)).toMatchObject([
    { step_number: 2, fine_tuned_model_checkpoint: `${job.fine_tuned_model}@1`, metrics: { train_loss: 0.5 } },
  ]);
  expect(jobs.events(id).map(e => e.type)).toEqual(["message", "message", "message", "metrics", "metrics", "message", "message"]);
  await finish();
});

test("checkpoints are the ends of epochs and the chosen values, each once, with what was measured at their steps; all answer again after a restart", async () => {
  const one = world();
  const id = await one.queued();
  const point = { tokens: 9, learningRate: 0.1, tokensPerSecond: 1, gradientNorm: 1 };
  const points = [1, 2, 3, 4].map(n => ({ ...point, step: n, loss: 1 / n, tokenAccuracy: n / 10 }));
  points[1] = { ...points[1]!, heldOut: 0.75, heldOutTokenAccuracy: 0.5 } as never;
  const name = one.jobs.get(id)!.id && `ft-mail-${id.slice(-8)}`;
  const kept = [2, 3, 4].map(n => ({ step: n, name: checkpointName(name, n), version: 1 }));
  one.children
    .at(-1)!
    .say({ event: "step", step: 1, steps: 4, loss: 1, leftMs: 1, tokenAccuracy: 0.1, validationLoss: 2, validationTokenAccuracy: 0.2 });
  one.children.at(-1)!.say({ ...trained, version: 7, step: 3, validationLoss: 0.5, checkpoints: kept, points });
  await one.children.at(-1)!.end({});
  expect(one.jobs.events(id).find(e => e.type === "metrics")!.data).toEqual({
    step: 1,
    total_steps: 4,
    train_loss: 1,
    train_mean_token_accuracy: 0.1,
    valid_loss: 2,
    valid_mean_token_accuracy: 0.2,
  });
  expect(one.jobs.checkpoints(id).map(c => [c.step_number, c.fine_tuned_model_checkpoint])).toEqual([
    [2, `${name}-step-2@1`],
    [3, `${name}@7`],
    [4, `${name}-step-4@1`],
  ]);
  expect(one.jobs.checkpoints(id).map(c => c.metrics)).toEqual([
    {
      step: 2,
      train_loss: 0.5,
      train_mean_token_accuracy: 0.2,
      valid_loss: 0.75,
      valid_mean_token_accuracy: 0.5,
      full_valid_loss: 0.75,
      full_valid_mean_token_accuracy: 0.5,
    },
    { step: 3, train_loss: 1 / 3, train_mean_token_accuracy: 0.3, valid_loss: 0.5, full_valid_loss: 0.5 },
    { step: 4, train_loss: 0.25, train_mean_token_accuracy: 0.4 },
  ]);
  await one.finish();
  const two = world({}, one.folder);
  expect(two.served).toEqual([
    [`${name}-step-2`, 1, false],
    [name, 7, false],
    [`${name}-step-4`, 1, false],
  ]);
  await two.finish();
  // the longest name that a job can have leaves room for the step, and still ends with the job's own
  const long = tunedName("m".repeat(128), "s".repeat(64), `ftjob-${"f".repeat(24)}`);
  expect(checkpointName(long, 123456)).toHaveLength(128);
  expect(checkpointName(long, 123456)).toMatch(/-ffffffff-step-123456$/);
});

test("a result and a checkpoint are deleted each by its name, once, and are not offered again; what cannot be deleted stays", async () => {
  const one = world();
  const id = await one.queued();
  const name = `ft-mail-${id.slice(-8)}`;
  one.children.at(-1)!.say({ ...trained, step: 3, checkpoints: [{ step: 2, name: checkpointName(name, 2), version: 1 }] });
  await one.children.at(-1)!.end({});
  expect(await one.jobs.remove("mail")).toBe(false);
  expect(await one.jobs.remove(`${name}@2`)).toBe(false);
  expect(await one.jobs.remove(name)).toBe(true);
  expect(await one.jobs.remove(name)).toBe(false);
  expect(one.removed).toEqual([[name, 1]]);
  expect(one.jobs.checkpoints(id).map(c => c.step_number)).toEqual([2]);
  expect(one.jobs.get(id)).toMatchObject({ status: "succeeded", fine_tuned_model: name });
  await one.finish();
  const two = world({ remove: async () => Promise.reject(new Error("prod points at it")) }, one.folder);
  expect(two.served).toEqual([[`${name}-step-2`, 1, false]]);
  await expect(two.jobs.remove(`${name}-step-2@1`)).rejects.toThrow("prod points");
  expect(two.jobs.checkpoints(id)).toHaveLength(1);
  await two.finish();
});

test("a model that cannot be served is a warning, and the job a success", async () => {
  const { jobs, children, queued, finish } = world({ serve: async () => Promise.reject(new Error("no memory")) });
  const id = await queued();
  children.at(-1)!.say(trained);
  await children.at(-1)!.end({});
  expect(statusOf(jobs, id)).toBe("succeeded");
  expect(jobs.events(id).find(e => e.level === "warn")?.message).toMatch(/not served: no memory/);
  await finish();
});

test("a pause stops the child and lets the next job in; resumed it waits for its turn and says no step twice", async () => {
  const { jobs, children, queued, finish } = world();
  const [first, second] = [await queued(), await queued()];
  const child = children.find(c => c.work === "train")!;
  child.say(step(1));
  expect(jobs.wish(first, "pause").status).toBe("paused");
  expect(child.isStopped).toBe(true);
  // the step under way ends
  child.say(step(2));
  expect(statusOf(jobs, second)).toBe("queued");
  await child.end(interrupted);
  expect([statusOf(jobs, first), statusOf(jobs, second)]).toEqual(["paused", "running"]);
  expect(jobs.wish(first, "resume").status).toBe("queued");
  jobs.wish(second, "cancel");
  await children.at(-1)!.end(interrupted);
  expect([statusOf(jobs, first), statusOf(jobs, second)]).toEqual(["running", "cancelled"]);
  for (const n of [2, 3]) children.at(-1)!.say(step(n));
  expect(jobs.events(first).flatMap(e => (e.type === "metrics" ? [e.data.step] : []))).toEqual([1, 2, 3]);
  expect(() => jobs.wish(second, "resume")).toThrow(/expected a job that is paused, got one that is cancelled/);
  await finish();
});

test("a job that is resumed before its child has ended gets one child after it, not beside it", async () => {
  const { jobs, children, queued, finish } = world();
  const id = await queued();
  jobs.wish(id, "pause");
  jobs.wish(id, "resume");
  const before = children.length;
  await settled();
  expect(children.length).toBe(before);
  await children.at(-1)!.end(interrupted);
  expect(children.length).toBe(before + 1);
  expect(statusOf(jobs, id)).toBe("running");
  await finish();
});

test("a child that dies is replaced as long as steps are done between deaths; three deaths without one fail the job", async () => {
  const { jobs, children, queued, finish } = world();
  const id = await queued();
  const killed = { code: null, killedBy: "SIGKILL" };
  for (let n = 1; n <= 5; n++) {
    children.at(-1)!.say(step(n));
    await children.at(-1)!.end(killed);
    expect(statusOf(jobs, id)).toBe("running");
  }
  await children.at(-1)!.end(killed);
  await children.at(-1)!.end(killed);
  expect(jobs.get(id)).toMatchObject({ status: "failed", error: { code: "worker_died", message: expect.stringContaining("SIGKILL") } });
  await finish();
});

test("what a child says of its failure is the job's error; of files each line is an event", async () => {
  const { jobs, children, create, queued, finish } = world();
  const id = await queued();
  await children.at(-1)!.end({ code: 2, error: { code: "tune/base", sentence: "no decoder" } });
  expect(jobs.get(id)!.error).toEqual({ code: "tune/base", message: "no decoder", param: null });
  const bad = await create();
  const problems = [2, 5].map(line => ({ param: "training_file", line, message: `training_file:${line}: no.` }) as const);
  children.at(-1)!.say({ ...checked, problems, problemCount: 2 });
  await children.at(-1)!.end({});
  expect(jobs.get(bad.id)!.error).toMatchObject({
    code: "invalid_training_file",
    param: "training_file",
    message: expect.stringMatching(/^training_file:2/),
  });
  expect(jobs.events(bad.id).flatMap(e => e.data.line ?? [])).toEqual([2, 5]);
  await finish();
});

test("whoever opens the folder again finds every job as it was left, goes on with what ran, and offers what is done", async () => {
  const one = world();
  const [done, ran, paused] = [await one.queued(), await one.queued(), await one.queued()];
  one.children.find(c => c.work === "train")!.say(trained);
  await one.children.find(c => c.work === "train")!.end({});
  one.jobs.wish(paused, "pause");
  expect(statusOf(one.jobs, ran)).toBe("running");
  // nobody closes it: the process was killed
  const two = world({}, one.folder);
  expect([done, ran, paused].map(id => statusOf(two.jobs, id))).toEqual(["succeeded", "running", "paused"]);
  expect(two.children.map(c => [c.id, c.work])).toEqual([[ran, "train"]]);
  expect(two.served).toEqual([[two.jobs.get(done)!.fine_tuned_model, 1, false]]);
  const ids = two.jobs.events(ran).map(e => e.id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(existsSync(join(one.folder, ran, "training_file.jsonl"))).toBe(true);
  expect(two.failures).toEqual([]);
});

test("a server takes so many jobs that are not over, also of those who ask at once", async () => {
  const { create, finish } = world();
  const made = await Promise.allSettled(Array.from({ length: 105 }, () => create()));
  expect(made.filter(m => m.status === "fulfilled")).toHaveLength(100);
  expect(made.find(m => m.status === "rejected")!.reason).toMatchObject({ code: "tune/jobsFull", status: 429 });
  await finish();
});

test("one tenant's full queue of jobs keeps no other tenant from a job, nor from being trained next", async () => {
  const { create, children, jobs, finish } = world();
  const made = await Promise.allSettled(Array.from({ length: 101 }, () => create({ owner: "a" })));
  expect(made.filter(m => m.status === "fulfilled")).toHaveLength(100);
  const ofB = await create({ owner: "b" });
  // every file is checked, one after another, until all but the one that trains are in the queue
  const isChecked = ({ id }: Job) => !["validating_files"].includes(statusOf(jobs, id));
  while (!jobs.list().every(isChecked)) {
    const child = children.findLast(c => c.work === "check")!;
    child.say(checked);
    await child.end({});
  }
  const training = () => children.filter(c => c.work === "train");
  expect(training()).toHaveLength(1);
  training()[0]!.say(trained);
  await training()[0]!.end({});
  expect(training().at(-1)!.id).toBe(ofB.id);
  await finish();
});

test("an id that is none, or a line of events that was cut off, is not read", () => {
  const folder = new JobFolder(mkdtempSync(join(root, "folder-")));
  for (const id of ["", "..", "../x", "ftjob-", "ftjob-000000000000000000000000"]) expect(folder.read(id)).toBeUndefined();
  expect(readdirSync(folder.path)).toEqual([]);
  expect(folder.events("../jobs")).toEqual([]);
});
