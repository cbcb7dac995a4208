/** What the contract itself decides: bodies, refusals, pages, and who may. Jobs that train are in the command line's life test. */
import { afterAll, expect, test } from "vitest";
import { answerChecker } from "../../../../test/support/openapi.ts";
import { openDevice } from "../../../tensor/index.ts";
import { Engines } from "../../engines.ts";
import { type App, createApp } from "../app.ts";
import { speaker } from "../fakes.ts";
import type { FineTuning, FineTuningRequest } from "./port.ts";

/** Jobs that are remembered and never done. */
function notebook() {
  const asked: FineTuningRequest[] = [];
  const wishes: string[] = [];
  const job = (n: number) => ({
    id: `ftjob-${n}`,
    object: "fine_tuning.job" as const,
    created_at: n,
    finished_at: null,
    estimated_finish: null,
    model: asked[n]!.model,
    fine_tuned_model: null,
    organization_id: "local",
    status: "queued" as const,
    error: null,
    training_file: asked[n]!.trainingFile.id,
    validation_file: null,
    result_files: [],
    trained_tokens: null,
    seed: n,
    method: asked[n]!.method,
    hyperparameters: { n_epochs: "auto", batch_size: "auto", learning_rate_multiplier: "auto" } as const,
    integrations: [],
    metadata: asked[n]!.metadata,
  });
  const event = { object: "fine_tuning.job.event", created_at: 1, level: "info", message: "", type: "message", data: {} } as const;
  const checkpoint = { object: "fine_tuning.job.checkpoint", created_at: 1, step_number: 1, metrics: {} } as const;
  const port: FineTuning = {
    async create(request) {
      asked.push(request);
      return job(asked.length - 1);
    },
    list: () => asked.map((_, n) => job(n)),
    ownerOf: id => asked[Number(id.slice("ftjob-".length))]?.owner ?? null,
    get: id => port.list().find(j => j.id === id),
    wish(id, wish) {
      wishes.push(`${wish} ${id}`);
      return port.get(id)!;
    },
    events: id => Array.from({ length: 30 }, (_, n) => ({ id: `${id}-event-${n}`, ...event })),
    remove: async model => model === "ft-tiny",
    checkpoints: id =>
      Array.from({ length: 12 }, (_, n) => ({
        id: `${id}-checkpoint-${n}`,
        fine_tuning_job_id: id,
        fine_tuned_model_checkpoint: `m-${n}@1`,
        ...checkpoint,
      })),
  };
  return { asked, wishes, port };
}
const opened: App[] = [];
afterAll(() => {
  for (const app of opened) app.close();
});
const open = (o: Partial<Parameters<typeof createApp>[0]> = {}): App => {
  const app = createApp({ engines: new Engines(), admin: true, ...o });
  opened.push(app);
  return app;
};

const book = notebook();
const app = open({ fineTuning: () => book.port });
const send = async (
  path: string,
  body?: unknown,
  o: { readonly of?: App; readonly headers?: Record<string, string>; readonly method?: string } = {},
) => {
  const { of = app, headers = {}, method = body === undefined ? "GET" : "POST" } = o;
  const json = body === undefined ? {} : { body: JSON.stringify(body) };
  const request = new Request(`http://localhost/v1${path}`, {
    method,
    headers: { "content-type": "application/json", ...headers },
    ...json,
  });
  const response = await of.fetch(request);
  return {
    status: response.status,
    body: (await response.json()) as Record<string, unknown> & { error?: { code: string; param: string; message: string } },
  };
};
async function upload(purpose = "fine-tune"): Promise<string> {
  const form = new FormData();
  form.set("file", new File(["{}"], "a.jsonl"));
  form.set("purpose", purpose);
  const bytes = new Uint8Array(await new Response(form).arrayBuffer());
  const type = new Response(form).headers.get("content-type")!;
  // the boundary is drawn anew for every body
  const boundary = /^--(\S+)/.exec(Buffer.from(bytes).toString("latin1"))![1]!;
  const headers = { "content-type": type.replace(/boundary=.*/, `boundary=${boundary}`), "content-length": String(bytes.length) };
  const response = await app.fetch(new Request("http://localhost/v1/files", { method: "POST", headers, body: bytes }));
  return ((await response.json()) as { id: string }).id;
}
const file = await upload();
const create = (more: object = {}) => send("/fine_tuning/jobs", { model: "m", training_file: file, ...more });
const refusal = async (more: object) => {
  const { status, body } = await create(more);
  return [status, body.error?.code, body.error?.param];
};
const methodOf = async (more: object) => {
  expect((await create(more)).status).toBe(200);
  return book.asked.at(-1)!.method;
};

test("what is not said, and null, is auto; the older place of hyperparameters counts where the method says none", async () => {
  const auto = { n_epochs: "auto", batch_size: "auto", learning_rate_multiplier: "auto" };
  const supervised = (hyperparameters: object) => ({ type: "supervised", supervised: { hyperparameters } });
  expect(await methodOf({})).toEqual(supervised(auto));
  expect(await methodOf({ method: null, hyperparameters: { n_epochs: null }, suffix: null, seed: null, integrations: [] })).toEqual(
    supervised(auto),
  );
  expect(await methodOf({ hyperparameters: { n_epochs: 2 } })).toEqual(supervised({ ...auto, n_epochs: 2 }));
  expect(await methodOf({ hyperparameters: { n_epochs: 2 }, method: supervised({ n_epochs: 3 }) })).toEqual(
    supervised({ ...auto, n_epochs: 3 }),
  );
  expect(await methodOf({ method: { type: "dpo" }, hyperparameters: { n_epochs: 2 } })).toEqual({
    type: "dpo",
    dpo: { hyperparameters: { ...auto, n_epochs: 2, beta: "auto" } },
  });
  expect(book.asked.at(-1)).toMatchObject({
    model: "m",
    suffix: null,
    seed: null,
    validationFile: null,
    trainingFile: { id: file, path: expect.any(String) },
  });
});

test("what is not done is a 400 by its name", async () => {
  const unsupported = (param: string) => [400, "unsupported_parameter", param];
  expect(await refusal({ integrations: [{ type: "wandb", wandb: { project: "p" } }] })).toEqual(unsupported("integrations"));
  expect(await refusal({ method: { type: "reinforcement" } })).toEqual(unsupported("method.type"));
  expect(await refusal({ method: { type: "reinforcement", reinforcement: { grader: {} } } })).toEqual(unsupported("method.type"));
});

test("what is out of bounds is a 400 that names the parameter", async () => {
  const invalid = (param: string, code = "invalid_value") => [400, code, param];
  const within = (hyperparameters: object) => refusal({ method: { type: "dpo", dpo: { hyperparameters } } });
  for (const [key, values] of Object.entries({
    n_epochs: [0, 51, 1.5, "many"],
    batch_size: [0, 257],
    learning_rate_multiplier: [0, -1, 5001],
    beta: [0, 2.1],
  }))
    for (const value of values) expect((await within({ [key]: value }))[2], `${key} ${value}`).toBe(`method.dpo.hyperparameters.${key}`);
  expect(await refusal({ seed: -1 })).toEqual(invalid("seed"));
  expect(await refusal({ seed: 2 ** 31 })).toEqual(invalid("seed"));
  expect(await refusal({ suffix: "" })).toEqual(invalid("suffix"));
  expect(await refusal({ method: { type: "other" } })).toEqual(invalid("method.type"));
  expect(await refusal({ method: { type: "dpo", supervised: {} } })).toEqual(invalid("method.supervised"));
  expect(await refusal({ metadata: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, "v"])) })).toEqual(
    invalid("metadata"),
  );
  expect(await refusal({ training_file: 3 })).toEqual(invalid("training_file", "invalid_type"));
  expect(await refusal({ training_file: undefined })).toEqual(invalid("training_file", "missing_required_parameter"));
  expect(await refusal({ validation_file: "file-no" })).toEqual([404, "not_found", "validation_file"]);
  expect(await refusal({ training_file: await upload("batch") })).toEqual(invalid("training_file"));
});

test("lists are newest first, twenty jobs and events and ten checkpoints a page, and go on after an id", async () => {
  while (book.asked.length < 25) await create({ metadata: { n: String(book.asked.length) } });
  const first = (await send("/fine_tuning/jobs")).body as { data: { id: string }[]; has_more: boolean; last_id: string };
  expect(first).toMatchObject({ object: "list", has_more: true, first_id: "ftjob-24", last_id: "ftjob-5" });
  expect(first.data).toHaveLength(20);
  const rest = (await send(`/fine_tuning/jobs?after=${first.last_id}&limit=3`)).body as { data: { id: string }[] };
  expect(rest.data.map(j => j.id)).toEqual(["ftjob-4", "ftjob-3", "ftjob-2"]);
  expect((await send("/fine_tuning/jobs?metadata[n]=24")).body.data).toMatchObject([{ id: "ftjob-24" }]);
  expect((await send("/fine_tuning/jobs?metadata=null&limit=1")).body.data).toMatchObject([{ metadata: null }]);
  expect((await send("/fine_tuning/jobs/ftjob-1/events")).body.data).toHaveLength(20);
  expect((await send("/fine_tuning/jobs/ftjob-1/checkpoints")).body.data).toHaveLength(10);
  for (const path of ["/ftjob-99", "/ftjob-99/events", "/ftjob-99/checkpoints"])
    expect(await send(`/fine_tuning/jobs${path}`)).toMatchObject({ status: 404, body: { error: { code: "not_found" } } });
});

test("jobs, events and checkpoints are answered as /api/openapi.json describes them", async () => {
  const { consoleDocument } = await import("../console-operations.ts");
  const check = answerChecker(consoleDocument("0"));
  const at = "/v1/fine_tuning/jobs";
  const answers = {
    [`POST ${at}`]: (await create()).body,
    [`GET ${at}`]: (await send("/fine_tuning/jobs")).body,
    [`GET ${at}/{id}`]: (await send("/fine_tuning/jobs/ftjob-1")).body,
    [`GET ${at}/{id}/events`]: (await send("/fine_tuning/jobs/ftjob-1/events")).body,
    [`GET ${at}/{id}/checkpoints`]: (await send("/fine_tuning/jobs/ftjob-1/checkpoints")).body,
  };
  for (const [operation, answer] of Object.entries(answers)) expect(check(operation, answer)).toEqual([]);
});

test("cancel, pause and resume reach the job without a body, and no other page's", async () => {
  for (const wish of ["cancel", "pause", "resume"]) {
    expect((await send(`/fine_tuning/jobs/ftjob-1/${wish}`, undefined, { method: "POST" })).status).toBe(200);
    expect(book.wishes.at(-1)).toBe(`${wish} ftjob-1`);
    expect((await send(`/fine_tuning/jobs/ftjob-99/${wish}`, undefined, { method: "POST" })).status).toBe(404);
    const foreign = { method: "POST", headers: { origin: "https://elsewhere.example" } };
    expect((await send(`/fine_tuning/jobs/ftjob-1/${wish}`, undefined, foreign)).status).toBe(403);
  }
  expect(book.wishes).toHaveLength(3);
});

test("a server without a login shows nobody its jobs and lets nobody train; one without a project says that it trains nothing", async () => {
  const closed = open({ fineTuning: () => book.port, admin: false });
  for (const [path, body] of [
    ["/fine_tuning/jobs", { model: "m", training_file: file }],
    ["/fine_tuning/jobs", undefined],
    ["/fine_tuning/jobs/ftjob-1", undefined],
    ["/fine_tuning/jobs/ftjob-1/events", undefined],
    ["/fine_tuning/jobs/ftjob-1/checkpoints", undefined],
  ] as const)
    expect(await send(path, body, { of: closed })).toMatchObject({ status: 401, body: { error: { code: "invalid_api_key" } } });
  const none = await send("/fine_tuning/jobs", { model: "m", training_file: file }, { of: open() });
  expect(none).toMatchObject({
    status: 400,
    body: { error: { code: "unsupported_parameter", message: expect.stringContaining("loam.yaml") } },
  });
});

test("a model that a job made is deleted; another is refused by its name, and no other page deletes any", async () => {
  const base = await speaker(openDevice("cpu", { threads: 1 }), { id: "base@1" });
  const of = open({ engines: [base.engine], fineTuning: () => book.port });
  const remove = (model: string, headers = {}) => send(`/models/${model}`, undefined, { of, method: "DELETE", headers });
  expect(await remove("ft-tiny")).toEqual({ status: 200, body: { id: "ft-tiny", object: "model", deleted: true } });
  expect(await remove("base@1")).toMatchObject({
    status: 400,
    body: { error: { code: "invalid_value", param: "model", message: expect.stringContaining('got "base@1"') } },
  });
  expect(await remove("nobody")).toMatchObject({ status: 404, body: { error: { code: "model_not_found" } } });
  expect((await remove("ft-tiny", { origin: "https://elsewhere.example" })).status).toBe(403);
  expect((await send("/models/base@1", undefined, { of })).status).toBe(200);
});
