/** Fine-tuning jobs over HTTP, from upload to the tuned model's answer, with OpenAI's own client against `loam serve` in a process of its own. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI, { toFile } from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { jsonLines, loam, type Running, start, startProcess } from "../../../test/support/child.ts";
import { tokenOf } from "../../../test/support/login.ts";
import { silent } from "../../base/index.ts";
import { decoderSpec, initialise, llamaConfig, writeModelFiles } from "../../nn/index.ts";
import { openStore, registerVersion, runStage, setAlias, stage } from "../../store/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { trainBpe } from "../../text/index.ts";
import { openProject } from "../index.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-jobs-"));
const things = ["cat", "dog", "house", "tree", "sea", "sun", "car", "hat"];
const colours = ["red", "blue", "green", "black", "white"];
const ask = (colour: string, thing: string) => `is the ${thing} ${colour}?`;
const rows = (answer: (colour: string, thing: string) => string) =>
  colours.flatMap(c => things.map(t => ({ messages: [said("user", ask(c, t)), said("assistant", answer(c, t))] })));
const lines = rows((c, t) => `yes, the ${t} is ${c}, sir`);
function said(role: "user" | "assistant", content: string) {
  return { role, content };
}
const jsonl = (all: readonly unknown[]) => all.map(r => (typeof r === "string" ? r : JSON.stringify(r))).join("\n");

beforeAll(async () => {
  writeFileSync(
    join(folder, "loam.yaml"),
    `name: jobs
data: {}
tokenizer: { vocab: 300, from: none }
models:
  tiny:
    base: random
    tune: { task: instruct, on: ./no.jsonl, method: full, rate: 0.01, epochs: 30, rows: 8, length: 64, validation: 0, pack: false }
serve: { models: { tiny: {} }, port: 0, slots: 2, fineTuning: { checkpointSeconds: 0.3 } }
device: { threads: 1 }
`,
  );
  const device = openDevice("cpu", { threads: 1 });
  const tokenizer = trainBpe(
    lines.flatMap(l => l.messages.map(m => m.content)),
    { vocab: 340, minFrequency: 1 },
  );
  const shape = { vocab: tokenizer.vocabSize, width: 32, layers: 2, heads: 2, context: 64, hidden: 64 };
  const config = { ...llamaConfig(shape), deviation: 0.1 };
  const made = stage({
    name: "base",
    version: 1,
    inputs: {},
    options: z.strictObject({}),
    output: "model",
    async run({ output }) {
      await writeModelFiles(output, { family: "decoder", config, parameters: await initialise(decoderSpec(config), device, 1) });
      await output.write("tokenizer.json", JSON.stringify(tokenizer.toJSON()));
      return {};
    },
  });
  const store = await openStore({ root: folder });
  const given = { inputs: {}, options: {}, progress: silent, signal: new AbortController().signal };
  await registerVersion(store, "random", (await runStage(store, made, given)).artifact.id, {});
  await store.close();
  // a base that answers, and not yet so
  const yes = things.map(t => ({ messages: [said("user", `do you see the ${t}?`), said("assistant", `yes, the ${t}, sir`)] }));
  writeFileSync(join(folder, "no.jsonl"), jsonl([...rows((c, t) => `no, the ${t} is not ${c}`), ...yes]));
  expect(await loam(["tune", "tiny"], { cwd: folder })).toMatchObject({ code: 0 });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Server {
  readonly child: Running;
  readonly client: OpenAI;
  readonly url: string;
}
async function serve(begin: typeof start = start): Promise<Server> {
  const child = begin(["serve", "--json"], { cwd: folder });
  const [, url] = await child.says(/"event":"serving","url":"([^"]+)"/);
  return { child, url: url!, client: new OpenAI({ baseURL: `${url}/v1`, apiKey: await tokenOf(folder, url!), maxRetries: 0 }) };
}
const stop = async ({ child }: Server) => {
  child.kill("SIGTERM");
  expect((await child.ended).code).toBe(0);
};

const upload = async ({ client }: Server, all: readonly unknown[], purpose: OpenAI.FilePurpose = "fine-tune") =>
  (await client.files.create({ file: await toFile(Buffer.from(jsonl(all)), "rows.jsonl"), purpose })).id;
type Create = OpenAI.FineTuning.JobCreateParams;
type Job = OpenAI.FineTuning.FineTuningJob;
const hyperparameters = { n_epochs: 24, batch_size: 8, learning_rate_multiplier: 50 };
const create = async (s: Server, more: Partial<Create> = {}) =>
  s.client.fineTuning.jobs.create({
    model: "tiny",
    training_file: await upload(s, lines),
    seed: 5,
    method: { type: "supervised", supervised: { hyperparameters } },
    ...more,
  });
const sleep = (ms: number) => new Promise(resolve => setTimeout(resolve, ms));
async function until(s: Server, id: string, isSo: (job: Job) => boolean | Promise<boolean>): Promise<Job> {
  for (;;) {
    const job = await s.client.fineTuning.jobs.retrieve(id);
    if (await isSo(job)) return job;
    if (job.finished_at !== null) throw new Error(`${id} is ${job.status}: ${JSON.stringify(job.error)}`);
    await sleep(30);
  }
}
const over = (s: Server, id: string) => until(s, id, j => ["succeeded", "failed", "cancelled"].includes(j.status));
async function eventsOf(s: Server, id: string): Promise<OpenAI.FineTuning.FineTuningJobEvent[]> {
  const all = [];
  for await (const event of s.client.fineTuning.jobs.listEvents(id, { limit: 50 })) all.push(event);
  return all.reverse();
}
const stepsOf = async (s: Server, id: string): Promise<number[]> =>
  (await eventsOf(s, id)).flatMap(e => (e.type === "metrics" ? [(e.data as { step: number }).step] : []));
/** The newest step that was told, without asking for all of them. */
const lastStepOf = async (s: Server, id: string): Promise<number> => {
  const [event] = (await s.client.fineTuning.jobs.listEvents(id, { limit: 1 })).data;
  return event?.type === "metrics" ? (event.data as { step: number }).step : 0;
};
const metricsOf = async (s: Server, job: Job) => (await s.client.files.content(job.result_files[0]!)).text();
const answer = async ({ client }: Server, model: string, question: string) =>
  (await client.chat.completions.create({ model, temperature: 0, max_completion_tokens: 24, messages: [said("user", question)] }))
    .choices[0]!.message.content;

/** Twenty-four epochs of five steps. */
const steps = 120;
const whole = Array.from({ length: steps }, (_, i) => i + 1);
let uninterrupted: string;

test("a job learns from upload to answer, and its model is served without a restart, and after one", async () => {
  const s = await serve();
  const { client } = s;
  const made = await create(s, { suffix: "Polite Sir!", metadata: { team: "mail" }, validation_file: await upload(s, lines.slice(0, 4)) });
  expect(made).toMatchObject({
    object: "fine_tuning.job",
    model: "tiny",
    status: "validating_files",
    fine_tuned_model: null,
    finished_at: null,
    error: null,
    result_files: [],
    trained_tokens: null,
    seed: 5,
    integrations: [],
    hyperparameters,
    method: { type: "supervised", supervised: { hyperparameters } },
    metadata: { team: "mail" },
  });
  const seen = new Set<string>([made.status]);
  const done = await until(s, made.id, j => {
    seen.add(j.status);
    return j.finished_at !== null;
  });
  expect(done).toMatchObject({ status: "succeeded", error: null });
  expect(seen).toContain("running");
  expect(done.fine_tuned_model).toMatch(/^ft-tiny-Polite-Sir-[0-9a-f]{8}$/);
  expect(done.trained_tokens).toBeGreaterThan(0);

  expect(await stepsOf(s, made.id)).toEqual(whole);
  const events = await eventsOf(s, made.id);
  expect(new Set(events.map(e => e.id)).size).toBe(events.length);
  expect(events.find(e => e.level === "warn")?.message).toMatch(/validation_file:1 is a copy of training_file:1, and 3 more/);
  expect(events.at(-2)?.message).toContain(done.fine_tuned_model);
  const page = await client.fineTuning.jobs.checkpoints.list(made.id);
  const model = done.fine_tuned_model!;
  // the newest three ends of epochs of five steps, and the step that was chosen
  const chosen = page.data.find(c => c.fine_tuned_model_checkpoint === `${model}@1`)!;
  expect(page.data.map(c => c.step_number)).toEqual([...new Set([110, 115, 120, chosen.step_number])].sort((a, b) => b - a));
  for (const { object, fine_tuning_job_id, metrics: m, step_number } of page.data) {
    expect([object, fine_tuning_job_id, m.step]).toEqual(["fine_tuning.job.checkpoint", made.id, step_number]);
    expect(m.full_valid_loss).toBeLessThan(0.2);
    expect(m.full_valid_loss).toBeGreaterThanOrEqual(chosen.metrics.full_valid_loss!);
    expect([m.train_mean_token_accuracy, m.full_valid_mean_token_accuracy].every(x => x! > 0.9 && x! <= 1)).toBe(true);
    const event = events.find(e => e.type === "metrics" && (e.data as { step: number }).step === step_number)!;
    expect(event.data).toMatchObject({ train_mean_token_accuracy: m.train_mean_token_accuracy, valid_loss: m.valid_loss });
  }
  const metrics = (await metricsOf(s, done)).trim().split("\n");
  expect(metrics[0]).toBe("step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy,learning_rate,tokens");
  expect(metrics).toHaveLength(steps + 1);

  const [question, right] = [ask("green", "sea"), "yes, the sea is green, sir"];
  expect(await answer(s, "tiny", question)).toBe("no, the sea is not green");
  expect(await answer(s, model, question)).toBe(right);
  for (const { fine_tuned_model_checkpoint: checkpoint } of page.data) expect(await answer(s, checkpoint, question)).toBe(right);
  expect((await client.models.list()).data.map(m => m.id)).toContain(model);
  const mine = await client.fineTuning.jobs.list({ metadata: { team: "mail" } });
  expect(mine.data.map(j => j.id)).toEqual([made.id]);
  expect((await client.fineTuning.jobs.list({ metadata: { team: "other" } })).data).toEqual([]);

  await stop(s);
  const again = await serve();
  for (const name of [model, page.data[0]!.fine_tuned_model_checkpoint]) expect(await answer(again, name, question)).toBe(right);
  expect(await again.client.fineTuning.jobs.retrieve(made.id)).toEqual(done);
  await stop(again);
  await deletes(model, question, right);
});

/** The result of a job, which `prod` points at first. */
async function deletes(model: string, question: string, right: string): Promise<void> {
  expect(await loam(["models", "promote", `${model}@1`, "prod"], { cwd: folder })).toMatchObject({ code: 0 });
  const s = await serve();
  const { models } = s.client;
  await expect(models.delete("tiny")).rejects.toMatchObject({ status: 400, code: "invalid_value", param: "model" });
  await expect(models.delete("nobody")).rejects.toMatchObject({ status: 404, code: "model_not_found" });
  await expect(models.delete(model)).rejects.toMatchObject({ status: 409, code: "model_in_use", message: expect.stringContaining("prod") });
  expect(await answer(s, model, question)).toBe(right);
  const store = await openStore({ root: folder });
  await setAlias(store, model, "prod", null);
  await store.close();
  expect(await models.delete(model)).toEqual({ id: model, object: "model", deleted: true });
  await expect(answer(s, model, question)).rejects.toMatchObject({ status: 404, code: "model_not_found" });
  await stop(s);
  // a restart does not bring it back, and what the record says of it stays
  const again = await serve();
  await expect(answer(again, model, question)).rejects.toMatchObject({ status: 404 });
  await expect(again.client.models.delete(model)).rejects.toMatchObject({ status: 404 });
  await stop(again);
  expect((await loam(["models", "show", model, "--json"], { cwd: folder })).code).toBe(0);
}

test("a paused and resumed job ends with the numbers of an uninterrupted one; a cancelled one ends", async () => {
  const s = await serve();
  const { jobs } = s.client.fineTuning;
  const plain = await create(s);
  const paused = await create(s);
  const dropped = await create(s);
  // one at a time, in order
  await until(s, plain.id, j => j.status === "running");
  await until(s, paused.id, j => j.status === "queued");
  uninterrupted = await metricsOf(s, await over(s, plain.id));

  await until(s, paused.id, async j => j.status === "running" && (await lastStepOf(s, j.id)) > 10);
  await using project = await openProject(folder);
  expect((await project.jobs.pause(paused.id, { server: s.url })).status).toBe("paused");
  // the next one's turn comes
  await until(s, dropped.id, async j => j.status === "running" && (await lastStepOf(s, j.id)) > 3);
  const stood = await stepsOf(s, paused.id);
  expect(stood.length).toBeLessThan(steps);
  expect((await jobs.cancel(dropped.id)).status).toBe("cancelled");
  await expect(jobs.resume(dropped.id)).rejects.toMatchObject({ status: 400, code: "invalid_status" });
  expect((await jobs.resume(paused.id)).status).toBe("queued");
  const ended = await over(s, paused.id);
  expect(ended.status).toBe("succeeded");
  expect(await stepsOf(s, paused.id)).toEqual(whole);
  expect(await metricsOf(s, ended)).toBe(uninterrupted);
  expect(await jobs.retrieve(dropped.id)).toMatchObject({ status: "cancelled", fine_tuned_model: null });
  expect((await project.jobs.list()).map(j => [j.id, j.status])).toContainEqual([dropped.id, "cancelled"]);
  const shown = await project.jobs.show(paused.id);
  expect(shown.events.some(e => /paused/.test(e.message))).toBe(true);
  await expect(project.jobs.cancel(paused.id, { server: s.url })).rejects.toMatchObject({ code: "project/argument" });
  await expect(project.jobs.show("ftjob-none")).rejects.toThrow(/one of ftjob-/);
  await expect(jobs.pause(ended.id)).rejects.toMatchObject({ status: 400, code: "invalid_status" });
  await stop(s);
});

test("a job whose process is killed, and then its server, goes on from its checkpoint and ends with the same numbers", async () => {
  const s = await serve(startProcess);
  const job = await create(s);
  await until(s, job.id, async j => j.status === "running" && (await lastStepOf(s, j.id)) > 10);
  const processes = execFileSync("ps", ["-eo", "pid,args"], { encoding: "utf8" }).split("\n");
  process.kill(Number.parseInt(processes.find(line => line.includes(`work ${job.id} --only train`))!, 10), "SIGKILL");
  const died = async () => (await eventsOf(s, job.id)).some(e => e.level === "warn" && /ended by SIGKILL/.test(e.message));
  await until(s, job.id, died);
  const before = (await stepsOf(s, job.id)).length;
  await until(s, job.id, async () => (await lastStepOf(s, job.id)) > before + 5);
  s.child.kill("SIGKILL");
  await s.child.ended;
  const again = await serve();
  const done = await over(again, job.id);
  expect(done.status).toBe("succeeded");
  // steps that end while no server listens are told by the result file alone, and none is told twice
  const told = await stepsOf(again, job.id);
  expect(told).toEqual([...new Set(told)].sort((a, b) => a - b));
  expect(told.at(-1)).toBe(steps);
  expect((await eventsOf(again, job.id)).map(e => e.message).join("\n")).toMatch(/started again/);
  expect(await metricsOf(again, done)).toBe(uninterrupted);

  const shown = await loam(["tune", "jobs", "show", job.id, "--json"], { cwd: folder });
  expect(jsonLines(shown.stdout)[0]).toMatchObject({ job: { id: job.id, status: "succeeded" } });
  const newest = await loam(["tune", "jobs", "show", job.id], { cwd: folder });
  expect(newest.stdout).toMatch(/^ {4}\d+ earlier events: --json has them\n.*The job succeeded/ms);
  const listed = await loam(["tune", "jobs"], { cwd: folder });
  expect(listed.stdout).toContain(`${job.id}  succeeded`);
  const refused = await loam(["tune", "jobs", "pause", job.id, "--server", again.url], { cwd: folder });
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("succeeded") });
  await stop(again);
});

test("pairs of answers teach which is better", async () => {
  const s = await serve();
  const pairs = colours.map(c => ({
    input: { messages: [said("user", ask(c, "cat"))] },
    preferred_output: [said("assistant", "yes, sir")],
    non_preferred_output: [said("assistant", "the sea is blue")],
  }));
  const job = await create(s, {
    training_file: await upload(s, pairs),
    method: { type: "dpo", dpo: { hyperparameters: { n_epochs: 8, batch_size: 5, beta: 0.5, learning_rate_multiplier: 20 } } },
  });
  const done = await over(s, job.id);
  expect(done).toMatchObject({ status: "succeeded", method: { type: "dpo", dpo: { hyperparameters: { beta: 0.5 } } } });
  const losses = (await metricsOf(s, done))
    .trim()
    .split("\n")
    .slice(1)
    .map(r => Number(r.split(",")[1]));
  expect(losses[0]).toBeCloseTo(Math.log(2), 3);
  expect(losses.at(-1)).toBeLessThan(0.3);
  await stop(s);
});

test("what cannot be learnt is told by line, and what is not done by name", async () => {
  const s = await serve();
  const { jobs } = s.client.fineTuning;
  const bad = [
    lines[0],
    "{ no json",
    { messages: [said("user", "why?")] },
    lines[1],
    { messages: [said("user", "?"), said("assistant", "")] },
  ];
  const job = await create(s, { training_file: await upload(s, bad) });
  const failed = await over(s, job.id);
  expect(failed).toMatchObject({
    status: "failed",
    error: { code: "invalid_training_file", param: "training_file" },
    fine_tuned_model: null,
  });
  expect(failed.error?.message).toMatch(/^training_file:2: .*And 2 more/);
  expect((await eventsOf(s, job.id)).flatMap(e => (e.data as { line?: number }).line ?? [])).toEqual([2, 3, 5]);

  const refused = (body: Partial<Create>) =>
    create(s, body).then(
      () => "taken",
      (e: { status: number; code: string; param: string }) => [e.status, e.code, e.param],
    );
  expect(await refused({ integrations: [{ type: "wandb", wandb: { project: "p" } }] })).toEqual([
    400,
    "unsupported_parameter",
    "integrations",
  ]);
  expect(await refused({ method: { type: "reinforcement" } })).toEqual([400, "unsupported_parameter", "method.type"]);
  expect(
    await refused({ hyperparameters: { n_epochs: 51 }, method: { type: "supervised", supervised: { hyperparameters: { n_epochs: 51 } } } }),
  ).toEqual([400, "invalid_value", "hyperparameters.n_epochs"]);
  expect(await refused({ model: "nobody" })).toEqual([404, "model_not_found", "model"]);
  expect(await refused({ training_file: "file-none" })).toEqual([404, "not_found", "training_file"]);
  expect(await refused({ training_file: await upload(s, lines, "batch") })).toEqual([400, "invalid_value", "training_file"]);
  expect(await refused({ suffix: "x".repeat(65) })).toEqual([400, "invalid_value", "suffix"]);
  await expect(jobs.retrieve("ftjob-../../../etc")).rejects.toMatchObject({ status: 400 });
  await expect(jobs.listEvents("ftjob-000000000000000000000000")).rejects.toMatchObject({ status: 404 });
  // what is refused leaves nothing behind
  const known = [];
  for await (const { id } of jobs.list()) known.push(id);
  expect(readdirSync(join(folder, ".loam", "fine-tuning")).sort()).toEqual(known.sort());
  await stop(s);
});
